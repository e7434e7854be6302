"""``tools/bench`` from the command line, on pictures so small that the figures mean nothing but must fit together."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from nstyle.models.transformer import TransformerNetwork

ROOT = Path(__file__).parents[2]


def bench(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / "bench"), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)


@pytest.mark.slow
def test_table_and_json_agree(photos: Path, tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    kept = tmp_path / "kept.jsonl"
    options = (
        "--quick",
        "--device",
        "cpu",
        "--photos",
        photos,
        "--crop",
        32,
        "--sizes",
        "40x32",
        "--json",
        file,
        "--resume",
        kept,
    )
    done = bench(*options)
    assert done.returncode == 0, done.stderr
    report = json.loads(file.read_text())
    rows = {row["name"]: row for row in report["rows"]}
    assert {row["subject"] for row in report["rows"]} == {"machine", "train", "paint", "log", "load", "start"}
    assert set(rows) <= {line[2:].partition("  ")[0] for line in done.stdout.splitlines()}
    assert "--quick" in report["command"]
    assert report["machine"]["torch"] in done.stdout

    plain, ours = rows["plain, johnson"], rows["johnson, bf16 eager, n = 8"]
    assert plain["speed_up"] == 1
    assert ours["speed_up"] == pytest.approx(plain["seconds"] / ours["seconds"])
    assert ours["images_per_second"] == pytest.approx(4 / ours["seconds"])
    assert ours["megapixels_per_second"] == pytest.approx(ours["images_per_second"] * 32**2 / 1e6)
    assert ours["flop"] == plain["flop"], "the work is the same, however it is done"
    peak = next(row for name, row in rows.items() if name.startswith("matmul") and name.endswith("bf16"))
    assert ours["percent_of_peak"] == pytest.approx(100 * ours["gigaflop_per_second"] / peak["gigaflop_per_second"])
    assert rows["johnson, bf16 eager, n = 64"]["over_one_style"] > 0

    whole, half = rows["40x32, width 1"], rows["40x32, width 0.5"]
    assert whole["speed_up"] == pytest.approx(rows["40x32, plain"]["seconds"] / whole["seconds"])
    assert half["over_sibling"] == pytest.approx(whole["seconds"] / half["seconds"])
    assert 3 < whole["flop"] / half["flop"] < 4
    assert whole["file_seconds"] > whole["seconds"]
    fastest = max(row["images_per_second"] for row in report["rows"] if row["subject"] == "train")
    crops = rows["crops of 32 px, 2 workers"]
    assert crops["over_demand"] == pytest.approx(crops["images_per_second"] / fastest)
    assert "torch" not in rows["nstyle models"]["note"]
    assert "torch" in rows["nstyle stylize, 256x256"]["note"]
    for name in ("batch 16, one of each style", "batch 4, of one style"):
        assert rows[name]["percent_of_update"] == pytest.approx(100 * rows[name]["seconds"] * 150)

    lines = kept.read_text().splitlines()
    assert len(lines) == len(rows)
    kept.write_text("".join(f"{line}\n" for line in lines if "n = 64" not in line))
    again = bench(*options)
    assert again.returncode == 0, again.stderr
    assert [line.split(": ")[2] for line in again.stderr.splitlines()] == ["johnson, bf16 eager, n = 64"], (
        "what is known is not measured again"
    )
    assert json.loads(file.read_text())["rows"][0] == report["rows"][0]


@pytest.mark.slow
def test_what_is_not_measured_in_time_is_measured_by_the_next_call(photos: Path, tmp_path: Path) -> None:
    options = (
        "--quick",
        "--device",
        "cpu",
        "--photos",
        photos,
        "--only",
        "log",
        "--json",
        tmp_path / "b",
        "--resume",
        tmp_path / "kept",
    )
    done = bench(*options, "--minutes", 0)
    assert done.returncode == 1
    assert {row["note"] for row in json.loads((tmp_path / "b").read_text())["rows"]} == {
        "failed: not measured, as the time was up"
    }
    assert bench(*options).returncode == 0
    assert bench(*options, "--minutes", 0).returncode == 0


@pytest.mark.slow
def test_profile_accounts_for_everything(tmp_path: Path) -> None:
    file = tmp_path / "profile.json"
    command = [
        sys.executable,
        str(ROOT / "tools" / "bench" / "profile_update.py"),
        "--device",
        "cpu",
        "--crop",
        "32",
        "--json",
        str(file),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=300
    )
    (profile,) = json.loads(file.read_text())
    assert profile["sentence"] in done.stdout
    assert profile["sentence"].startswith("relative, bf16 eager, n = 8: ")
    assert next(iter(profile["groups"])) == "convolutions"
    assert {"optimizer", "matrix products", "elementwise"} <= set(profile["groups"])
    assert len(profile["kernels"]) == 15


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("triton_poi_fused__to_copy_convolution_relu_12", "elementwise"),
        ("triton_red_fused_convolution_var_mean_3", "reductions and norms"),
        ("sm90_xmma_fprop_implicit_gemm_bf16bf16_bf16f32_f32_nhwckrsc_nhwc", "convolutions"),
        ("nvjet_tst_128x64_64x11_2x1_v_bz_TNN", "matrix products"),
        ("void at::native::(anonymous namespace)::multi_tensor_apply_kernel<FusedAdamMathFunctor>", "optimizer"),
        ("void at::native::elementwise_kernel<128, 4, direct_copy_kernel_cuda>", "copies and casts"),
        ("void at::native::vectorized_elementwise_kernel<4, CUDAFunctor_add<float>>", "elementwise"),
        ("Memcpy DtoD (Device -> Device)", "copies and casts"),
        ("what nobody knows", "the rest"),
    ],
)
def test_kernels_are_told_by_their_names(monkeypatch: pytest.MonkeyPatch, name: str, group: str) -> None:
    monkeypatch.syspath_prepend(ROOT / "tools" / "bench")
    import profile_update

    assert profile_update.Kernel(name, 1.0, 1.0).group == group


def test_a_gpu_gets_its_own_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "tools" / "bench")
    import train

    names = {recipe.name for recipe in train.recipes(torch.device("cuda"))}
    assert {
        "plain, johnson, batch 16",
        "relative, bf16 captured, n = 16, batch 16",
        "relative, bf16 compiled, n = 16",
    } <= names
    assert {recipe.way for recipe in train.recipes(torch.device("cpu"))} == {"eager", "compiled"}


def test_the_plain_recipe_is_the_same_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "tools" / "bench")
    import plain

    torch.manual_seed(0)
    network, photos, mix = (
        TransformerNetwork(3),
        torch.rand(2, 3, 64, 48),
        torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]]),
    )
    with torch.no_grad():
        torch.testing.assert_close(plain.forward(network, photos, mix), network(photos, mix), atol=1e-5, rtol=0)


def test_bad_usage_is_one_line(tmp_path: Path) -> None:
    done = bench("--only", "train,dance")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "tools/bench: --only names dance; expected some of train, paint, log, load, start\n"
    assert "holds no pictures" in bench("--photos", tmp_path).stderr


def test_what_is_profiled_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "tools" / "bench")
    import profile_update
    import train

    on_gpu = {recipe.name: recipe for recipe in train.recipes(torch.device("cuda"))}
    assert profile_update.default_names(on_gpu) == [
        f"relative, bf16 {way}, n = 16, batch 16" for way in ("eager", "captured")
    ]
    on_cpu = {recipe.name: recipe for recipe in train.recipes(torch.device("cpu"))}
    assert profile_update.default_names(on_cpu) == ["relative, bf16 eager, n = 8"]
