"""``tools/gpu_check.py``: a rehearsal on the CPU, and how it fits training into the minutes that are left."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
STEPS = ("tests", "checks", "bench", "profile", "training")
Call = subprocess.CompletedProcess[str]


def check(*arguments: object) -> Call:
    command = [sys.executable, str(ROOT / "tools" / "gpu_check.py"), *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=600)


@pytest.mark.slow
def test_every_step_leaves_its_file_and_is_done_once(
    tmp_path: Path, photos: Path, styles: Path, vgg_file: Path
) -> None:
    out = tmp_path / "check"
    options = ("--out", out, "--device", "cpu", "--minutes", 1, "--quick", "--content", photos, "--vgg", vgg_file)
    options = (*options, "--styles", styles / "waves.png", styles / "mosaic.png", "--", "--size", 32, "--updates", 6)
    done = check(*options)
    assert done.returncode == 0, done.stdout + done.stderr
    for step in STEPS:
        assert json.loads((out / f"{step}.json").read_text())["state"] == "done"
        assert (out / f"{step}.log").read_text().startswith("$ ")
    assert (out / "run" / "model.safetensors").is_file()
    summary = (out / "summary.md").read_text()
    for text in (
        "| plain, johnson |",
        "| batch 4, of one style |",
        "## Profile: relative, bf16",
        "6 updates in",
        "| training | done |",
    ):
        assert text in summary

    logs = {step: (out / f"{step}.log").read_bytes() for step in STEPS}
    again = check(*options)
    assert again.returncode == 0
    assert [line for line in again.stdout.splitlines() if "before" in line] == [
        f"[gpu_check] {step}: done before" for step in STEPS
    ]
    assert logs == {step: (out / f"{step}.log").read_bytes() for step in STEPS}
    other = check(*(option for option in options if option != "--quick"))
    assert (other.returncode, "holds a check with quick True, not False; choose another --out" in other.stderr) == (
        1,
        True,
    )


@pytest.mark.slow
def test_a_step_that_failed_is_told_and_tried_again(tmp_path: Path, photos: Path, styles: Path, vgg_file: Path) -> None:
    out = tmp_path / "check"
    options = (
        "--out",
        out,
        "--device",
        "cpu",
        "--minutes",
        1,
        "--quick",
        "--only",
        "training",
        "--styles",
        styles / "waves.png",
    )
    options = (*options, "--vgg", vgg_file, "--content")
    failed = check(*options, tmp_path / "nowhere", "--", "--size", 32, "--updates", 3)
    assert failed.returncode == 1
    (told,) = [
        line for line in (out / "summary.md").read_text().splitlines() if line.startswith("| training | **failed** |")
    ]
    assert "no such folder" in told
    done = check(*options, photos, "--", "--size", 32, "--updates", 3)
    assert done.returncode == 0, done.stdout
    assert sorted(path.name for path in out.glob("*.json")) == ["about.json", "training.json"]


def test_bad_usage_is_refused(tmp_path: Path) -> None:
    done = check("--out", tmp_path / "check", "--only", "dance")
    assert done.returncode == 2
    assert "--only names dance; expected some of tests, checks, bench, profile, training, compare" in done.stderr


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.syspath_prepend(ROOT / "tools")
    from check import training

    return SimpleNamespace(**vars(training))


def test_the_bench_says_how_many_updates_fit(training: SimpleNamespace, tmp_path: Path) -> None:
    seconds = {
        "relative, bf16 eager, n = 8": 0.040,
        "relative, bf16 captured, n = 8": 0.010,
        "relative, bf16 captured, n = 8, batch 16": 0.022,
        "relative-3, bf16 captured, n = 8": 0.012,
        "plain, johnson": 0.001,
    }
    rows = [{"name": name, "seconds": value} for name, value in seconds.items()]
    rows.append({"name": "relative, bf16 compiled, n = 8, batch 16", "note": "failed: out of memory"})
    path = tmp_path / "bench.json"
    path.write_text(json.dumps({"rows": rows, "crop": 256, "batch": 4}))
    guess = training.bench_seconds
    assert guess(path, "relative", 4, 256, on_gpu=True) == pytest.approx(0.010)
    assert guess(path, "relative", 8, 256, on_gpu=True) == pytest.approx(0.014)
    assert guess(path, "relative", 4, 128, on_gpu=True) == pytest.approx(0.0025)
    assert guess(path, "relative-3", 8, 256, on_gpu=True) == pytest.approx(0.024)
    assert guess(path, "relative", 4, 256, on_gpu=False) == pytest.approx(0.040)
    assert guess(tmp_path / "none.json", "relative", 4, 256, on_gpu=True) is None


def test_the_speed_is_read_from_the_log(training: SimpleNamespace, tmp_path: Path) -> None:
    assert training.speed(tmp_path, 400) is None
    lines = [{"update": n, "seconds": 30 + n / 8, "losses": {}} for n in range(1, 41)]
    (tmp_path / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines) + '{"update": 41, "sec')
    assert training.speed(tmp_path, 400) == pytest.approx(8)
    assert training.speed(tmp_path, 410) is None
    assert training.last_line(tmp_path)["update"] == 40


@pytest.mark.parametrize(
    ("arguments", "value"),
    [(["--size", "64", "--size=32"], "32"), (["--batch-size", "8", "--size", "64"], "64"), ([], None)],
)
def test_options_are_read_as_the_command_does(
    training: SimpleNamespace, arguments: list[str], value: str | None
) -> None:
    assert training.option(arguments, "--size") == value


def test_missing_packages_are_named_before_anything_begins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A rented card once went by while every command failed on a small package."""
    monkeypatch.syspath_prepend(ROOT / "tools")
    import gpu_check

    def version(name: str) -> str:
        if name == "tomli-w":
            raise gpu_check.PackageNotFoundError
        return "1"

    monkeypatch.setattr(gpu_check, "version", version)
    monkeypatch.setattr(sys, "argv", ["gpu_check.py", "--out", str(tmp_path / "check"), "--device", "cpu"])
    with pytest.raises(SystemExit, match="not installed: tomli-w; nothing was begun"):
        gpu_check.main()
    assert not (tmp_path / "check").exists()
