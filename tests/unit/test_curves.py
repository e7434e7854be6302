"""Learning curves: Early, Sian and Stonard's CSV format, our own logs, and what is wrong with damaged ones."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nstyle.errors import UsageError
from nstyle.reports.plots import DPI
from nstyle.training.config import TrainingConfig
from nstyle.training.curves import Curve, CurveSet, read_curves, smooth
from nstyle.training.report import shared_styles_figures
from nstyle.training.run_log import RunLog, cut_log, seconds_so_far

PUBLISHED = "6, 3\n{names}\n0, 30.0, 3.5\n1, 20.0, 2.5\n2, 10.0, 1.5\n3, 29.0, 3.0\n4, 19.0, 2.0\n5, 9.0, 1.0\n"


def publish(path: Path, names: str) -> Path:
    path.write_text(PUBLISHED.format(names=names))
    return path


def test_published_losses_are_dealt_to_the_styles_in_turn(tmp_path: Path) -> None:
    names = "Claude Monet Sunrise (Marine) (1873).jpg, Roy Lichtenstein, Bicentennial Print (1975).jpg, Van_Gogh.jpeg"
    curves = read_curves(publish(tmp_path / "stats.csv", names)).curves
    assert list(curves) == ["claude-monet-sunrise-marine-1873", "roy-lichtenstein-bicentennial-print-1975", "van-gogh"]
    second = curves["roy-lichtenstein-bicentennial-print-1975"]
    assert second.update.tolist() == [2, 5]
    assert second.style.tolist() == [20.0, 19.0]
    assert second.content.tolist() == [2.5, 2.0]


@pytest.mark.parametrize("names", ["a.jpg a.jpg a.jpg", "only.jpg", "", "one, two, three, four"])
def test_published_names_that_are_not_one_for_each(tmp_path: Path, names: str) -> None:
    """``stats0006.csv`` names one painting five times."""
    assert list(read_curves(publish(tmp_path / "stats.csv", names)).curves) == ["style 1", "style 2", "style 3"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "6, 3\n",
        "6, 3\na\n1, 2\n",
        "a, b\nc\n0, 1, 2\n",
        "6, 3\na\n0, 1, x\n",
        "3, 1\na\n0, 1, nan\n",
        "3, 1\na\n1e300, 1, 1\n",
        "3, 1\na\n0.5, 1, 1\n",
        "3, 2\na\n0, 1, 1\n2, 1, 1\n",
    ],
)
def test_damaged_published_losses_are_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "stats.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"stats\.csv cannot be read as published losses"):
        read_curves(path)


def write_run(folder: Path, lines: list[str]) -> Path:
    folder.mkdir()
    config = TrainingConfig(updates=4)
    (folder / "config.toml").write_text(config.to_toml())
    (folder / "metrics.jsonl").write_text("\n".join(lines))
    return folder


def update(number: int, name: str = "a", **losses: float) -> str:
    return json.dumps(
        {"update": number, "seconds": 2.0 * number, "losses": {name: {"content": 1.0, "style": 0.5, **losses}}}
    )


def test_a_run_is_read_with_its_weights(tmp_path: Path) -> None:
    validation = json.dumps({"update": 2, "seconds": 5.0, "peak_memory": 7, "validation": {}})
    run = write_run(tmp_path / "run", [update(1), update(2, "b", style=0.25), validation, update(3)])
    curves = read_curves(run)
    assert curves.curves["a"].update.tolist() == [1, 3]
    assert curves.curves["a"].style.tolist() == [5.0, 5.0]  # The style weight of the default preset is 10.
    assert curves.curves["b"].style.tolist() == [2.5]
    assert "content relu3_3 x 1" in curves.convention
    assert "x 10, relative" in curves.convention
    (run / "config.toml").write_text(TrainingConfig(updates=4, style_factors={"b": 3.0}).to_toml())
    assert read_curves(run).convention == f"{curves.convention}, style of b x 3"
    log = RunLog.read(run / "metrics.jsonl")
    assert (log.seconds, log.peak_memory, log.updates_per_second) == (6.0, 7, None)
    assert curves.final("a", "content") == 1.0


def test_speed_is_the_median_over_stretches(tmp_path: Path) -> None:
    """A compilation at the start and a checkpoint on the way do not count."""
    times = np.cumsum([100.0, *[0.5] * 59, 30.0, *[0.5] * 40])
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        "\n".join(json.dumps({"update": i, "seconds": t, "losses": {}}) for i, t in enumerate(times, start=1))
    )
    assert RunLog.read(path).updates_per_second == pytest.approx(2.0)


def test_a_line_cut_short_at_the_end_is_a_run_that_goes_on(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [update(1), update(2), update(3)[:20]])
    assert read_curves(run).updates == 2


def row(**changes: object) -> bytes:
    return json.dumps(
        {"update": 2, "seconds": 4.0, "losses": {"a": {"content": 1.0, "style": 0.5}}, **changes}
    ).encode()


BROKEN = [
    update(2).encode()[:20],
    b"7",
    b"null",
    b"{}",
    b"\x00" * 50,
    b"\xff\xfe{}",
    b"[" * 100_000,
    b'{"update": 2}',
    *(row(update=value) for value in ("2", 0, -1, 1.5, None, True, 10**400, [2])),
    *(row(seconds=value) for value in ("now", None, [], float("nan"), 10**400)),
    *(row(losses=value) for value in (None, [], 5, {"a": 5}, {"a": {"content": 1.0}}, {"../x": {}}, {"a b": {}})),
    *(row(losses={"a": {"content": value, "style": 0.5}}) for value in ("1", None, float("inf"), [], True)),
    row(validation={"a": {"content": None}}),
    row(validation={}, peak_memory="7"),
]


@pytest.mark.parametrize("line", BROKEN)
def test_a_damaged_line_is_left_out_and_said(tmp_path: Path, line: bytes, caplog: pytest.LogCaptureFixture) -> None:
    run = write_run(tmp_path / "run", [])
    path = run / "metrics.jsonl"
    path.write_bytes(b"\n".join([update(1).encode(), line, update(3).encode(), b""]))
    assert read_curves(run).curves["a"].update.tolist() == [1, 3]
    assert caplog.messages == [f"{path}: line 2 cannot be read and is left out"]
    assert seconds_so_far(path) == 6.0
    cut_log(path, 3)
    assert path.read_text() == f"{update(1)}\n{update(3)}\n"
    cut_log(path, 1)
    assert path.read_text() == f"{update(1)}\n"


def test_many_damaged_lines_are_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = write_run(tmp_path / "run", [update(1), *["x"] * 9, update(2)])
    assert read_curves(run).updates == 2
    assert caplog.messages[0].endswith("lines 2, 3, 4, 5, 6 and 4 more cannot be read and are left out")


@pytest.mark.parametrize("lines", [[], ["7"], ["7", "7"], [json.dumps({"update": 1, "losses": {}})]])
def test_runs_without_a_loss_are_one_line(tmp_path: Path, lines: list[str]) -> None:
    with pytest.raises(UsageError, match="holds no "):
        read_curves(write_run(tmp_path / "run", lines))


def test_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no run to report on: config\.toml is missing"):
        read_curves(tmp_path)
    with pytest.raises(UsageError, match="is not there"):
        read_curves(tmp_path / "nothing")


def test_smoothing_keeps_the_mean_and_the_ends() -> None:
    np.testing.assert_array_equal(smooth(np.full(500, 3.0)), 3.0)
    line = np.arange(500.0)
    np.testing.assert_allclose(smooth(line)[:400], line[:400])  # Centred: a straight line stays where it is.
    noisy = np.random.default_rng(0).normal(size=1000)
    assert smooth(noisy)[50:-50].std() < 0.4
    assert smooth(np.array([5.0])).tolist() == [5.0]


def test_mean_over_styles_goes_round_by_round() -> None:
    a = Curve(np.array([1, 3, 5]), np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 30.0]))
    b = Curve(np.array([2, 4]), np.array([3.0, 4.0]), np.array([30.0, 40.0]))
    mean = CurveSet({"a": a, "b": b}, "", {}).mean()
    assert mean.update.tolist() == [2, 4]
    assert mean.content.tolist() == [2.0, 3.0]
    assert mean.style.tolist() == [20.0, 30.0]


def test_styles_one_after_the_other_are_joined_not_averaged() -> None:
    a = Curve(np.array([1, 2]), np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    b = Curve(np.array([3, 4]), np.array([3.0, 4.0]), np.array([3.0, 4.0]))
    curves = CurveSet({"b": b, "a": a}, "", {})
    assert curves.mean().update.tolist() == [1, 2, 3, 4]
    assert curves.final("a", "style") == 1.5  # Its own end, not that of the run.


def test_style_factors_are_part_of_the_weights(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [update(1)])
    (run / "config.toml").write_text(TrainingConfig(updates=4, style_factors={"a": 3.0}).to_toml())
    assert read_curves(run).curves["a"].style.tolist() == [15.0]


def test_a_log_without_times_has_no_time(tmp_path: Path) -> None:
    """Logs of before there were times, resumed since then: the clock of the rest says nothing of the whole."""
    path = tmp_path / "metrics.jsonl"
    path.write_text(json.dumps({"update": 1, "losses": {}}) + "\n" + update(2))
    assert RunLog.read(path).seconds is None


@pytest.mark.parametrize(
    ("styles", "figures"), [(1, ["curves"]), (4, ["curves"]), (5, ["curves-1", "curves-2"]), (0, [])]
)
def test_figures_of_many_styles_are_no_higher_than_a_page(styles: int, figures: list[str]) -> None:
    losses = np.array([3.0, 2.0, 1.0])
    curves = {f"style {i}": Curve(np.arange(3), losses, losses) for i in range(styles)}
    sets = {label: CurveSet(curves, "ours", {}) for label in ("n-style", "single")}
    drawn = shared_styles_figures(sets, "curves", "Losses")
    assert [figure.name for figure in drawn] == figures
    for figure in drawn:
        with Image.open(io.BytesIO(figure.image)) as image:
            assert image.height / DPI < 9
