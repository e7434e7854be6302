"""The other commands as users type them: train, add-style, models, info, help."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from nstyle.cli.help import spread
from nstyle.models.model_file import read_info


def test_styles_take_everything_up_to_the_next_option_in_order() -> None:
    """Typer alone fails on --styles styles/*.jpg; a trailing argument would reorder c, a, b, d."""
    args = ["--styles", "c.jpg", "a.jpg", "--size", "256", "--styles", "b.jpg", "d.jpg", "--resume"]
    assert [args[i + 1] for args in [spread(args, "--styles")] for i, a in enumerate(args) if a == "--styles"] == [
        "c.jpg",
        "a.jpg",
        "b.jpg",
        "d.jpg",
    ]
    assert spread(["model", "--styles=a.jpg", "b.jpg", "-o", "x"], "--styles") == [
        "model",
        "--styles",
        "a.jpg",
        "--styles",
        "b.jpg",
        "-o",
        "x",
    ]
    assert spread(["--styles", "--out", "x"], "--styles") == ["--out", "x"]


@pytest.mark.parametrize("command", [[], ["train"], ["add-style"], ["stylize"], ["models"], ["info"], ["demo"]])
def test_help_does_not_wait_for_torch(command: list[str]) -> None:
    run = (
        "import sys; from nstyle.cli import main\ntry: main()\nfinally: print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", run, *command, "--help"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0
    assert "Usage" in done.stdout
    assert done.stderr.splitlines()[-1] == "False"


def test_train_stylize_append_from_the_shell(
    nstyle, photos: Path, styles: Path, vgg_file: Path, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "styles").mkdir()
    for name in ("waves.png", "mosaic.png"):
        os.link(styles / name, tmp_path / "styles" / name)
    options = "--updates 4 --batch-size 2 --size 32 --width 0.25 --checkpoint-every 2".split()
    shell = ["styles/waves.png", "styles/mosaic.png"]
    trained = nstyle("train", "--styles", *shell, "--content", photos, *options, NSTYLE_VGG=str(vgg_file))
    assert trained.returncode == 0, trained.stderr.decode()
    assert "update 4: validation mosaic" in trained.stderr.decode()
    run = tmp_path / "checkpoints" / "waves+mosaic"
    assert read_info(run / "model.safetensors").styles == ("waves", "mosaic")
    config = tomllib.loads((run / "config.toml").read_text())
    assert (config["updates"], config["size"], config["loss"]["name"]) == (4, 32, "relative")
    painted = nstyle("stylize", photo, "--weights", "0.5,0.5")
    assert painted.returncode == 0, painted.stderr.decode()
    assert (tmp_path / "coffee_waves50+mosaic50.png").exists()
    assert "nstyle: painting with checkpoints/waves+mosaic, the newest run\n" in painted.stderr.decode()
    refused = nstyle("train", "--styles", *shell, "--content", photos, *options, NSTYLE_VGG=str(vgg_file))
    assert refused.returncode == 2
    assert "--resume" in refused.stderr.decode()
    resumed = nstyle("train", "--resume", "--updates", "6", NSTYLE_VGG=str(vgg_file))
    assert resumed.returncode == 0, resumed.stderr.decode()
    assert read_info(run / "model.safetensors").updates == 6
    new = [
        "--styles",
        styles / "hatching.png",
        "--out",
        "more",
        "--content",
        photos,
        "--updates",
        "2",
        "--batch-size",
        "1",
    ]
    added = nstyle("add-style", "waves+mosaic", *new, NSTYLE_VGG=str(vgg_file))
    assert added.returncode == 0, added.stderr.decode()
    assert read_info(tmp_path / "more" / "model.safetensors").styles == ("waves", "mosaic", "hatching")
    listed = json.loads(nstyle("models", "--json").stdout)
    assert {"checkpoints/waves+mosaic"} <= {row["model"] for row in listed}
    described = json.loads(nstyle("info", "more", "--json").stdout)
    assert described["styles"] == ["waves", "mosaic", "hatching"]
    assert described["preset"]["name"] == "relative"
    assert described["vgg"]["architecture"] == "vgg16"
    assert "hatching" in nstyle("info", "more").stdout.decode()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train"], "no styles given"),
        (["train", "--styles", "nothing.jpg"], "no picture found"),
        (
            ["train", "--preset", "gatys", "--styles", "{style}"],
            "--preset is gatys; expected relative, johnson, dumoulin",
        ),
        (["train", "--size", "x", "--styles", "{style}"], "--size"),
        (["train", "--style-factor", "waves", "--styles", "{style}"], "expected NAME=X"),
        (
            ["train", "--vgg", "nothing.pth", "--styles", "{style}", "--content", "{photos}"],
            "nothing.pth: no such file",
        ),
        (["train", "--device", "cuda:77", "--styles", "{style}", "--content", "{photos}"], "--device is cuda:77"),
        (["train", "--styles", "{style}", "--content", "nowhere"], "--content is nowhere: no such folder"),
        (
            ["train", "--styles", "{style}", "--content", "{photos}", "--validation", "nowhere"],
            "--validation is nowhere: no such folder",
        ),
        (["train", "--resume"], "there is no run under checkpoints to resume"),
        (["add-style", "nothing", "--styles", "{style}", "--out", "o"], "model 'nothing' not found"),
        (["info", "nothing"], "model 'nothing' not found"),
        (["paint"], "No such command"),
    ],
)
def test_bad_usage_exits_2_and_leaves_nothing(
    nstyle, styles: Path, photos: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = nstyle(*(a.format(style=styles / "waves.png", photos=photos) for a in arguments))
    errors = done.stderr.decode()
    assert done.returncode == 2, errors
    assert message in " ".join(errors.split())
    assert "Traceback" not in errors
    assert not list(tmp_path.iterdir())
