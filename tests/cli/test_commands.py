"""The other commands as users type them: train, add-style, models, info, help."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from nstyle.cli.app import COMMANDS
from nstyle.cli.help import spread
from nstyle.losses.presets import PRESETS
from nstyle.models.model_file import load_model, read_info
from nstyle.training.config import ADD_STYLE_UPDATES, DEFAULT_UPDATES
from nstyle.version import __version__


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
    assert (config["updates"], config["size"], config["preset"]["name"]) == (4, 32, "relative")
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
            f"--preset is gatys; expected {' | '.join(PRESETS)}",
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


def test_weights_that_stop_early_serve_the_preset_that_the_error_names(
    nstyle, photos: Path, styles: Path, short_vgg_file: Path, tmp_path: Path
) -> None:
    options = ["--content", photos, "--vgg", short_vgg_file, *"--size 32 --width 0.25 --updates 2".split()]
    refused = nstyle("train", "--styles", styles / "waves.png", *options)
    assert (refused.returncode, refused.stderr.decode()) == (
        2,
        "nstyle: preset relative compares relu4_1, but these vgg16 weights stop at relu3_3; give --preset "
        "relative-3, --style-layers relu1_2,relu2_2,relu3_3, or deeper weights with --vgg\n",
    )
    assert not list(tmp_path.iterdir())
    trained = nstyle("train", "--styles", styles / "waves.png", *options, "--preset", "relative-3", "--out", "run")
    assert trained.returncode == 0, trained.stderr.decode()
    assert read_info(tmp_path / "run" / "model.safetensors").preset["name"] == "relative-3"


def test_a_run_is_repeated_from_its_settings_to_the_bit(
    nstyle, photos: Path, styles: Path, vgg_file: Path, tmp_path: Path
) -> None:
    options = "--updates 3 --batch-size 2 --size 32 --width 0.25 --seed 7 --style-factor waves=0.5 --device cpu".split()
    paintings = [styles / "waves.png", styles / "mosaic.png"]
    first = ["--styles", *paintings, "--content", photos, "--out", "first", "--vgg", vgg_file, "--precision", "fp32"]
    done = nstyle("train", *first, "--style-layers", "relu1_2,relu2_2", "--style-weight", "5", *options)
    assert done.returncode == 0, done.stderr.decode()
    again = nstyle("train", "--config", "first/config.toml", "--out", "again")
    assert again.returncode == 0, again.stderr.decode()
    assert _tensors(tmp_path / "again") == _tensors(tmp_path / "first")
    other = nstyle("train", "--config", "first/config.toml", "--out", "other", "--seed", "8")
    assert other.returncode == 0, other.stderr.decode()
    assert _tensors(tmp_path / "other") != _tensors(tmp_path / "first"), "options override the file"


def _tensors(run: Path) -> dict[str, bytes]:
    network, _ = load_model(run / "model.safetensors")
    return {name: value.numpy().tobytes() for name, value in network.state_dict().items()}


def test_settings_files_that_cannot_be_used(nstyle, tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_text("update = 3\n")
    (tmp_path / "broken.toml").write_text("updates = \n")
    for file, message in (
        ("odd.toml", "there is no setting --update; did you mean --updates?"),
        ("broken.toml", "broken.toml cannot be read as a file of settings"),
        ("none.toml", "none.toml cannot be read as a file of settings"),
    ):
        done = nstyle("train", "--styles", "x.jpg", "--config", file)
        assert (done.returncode, done.stderr.decode().count("\n")) == (2, 1)
        assert message in done.stderr.decode() or "x.jpg: no picture found" in done.stderr.decode()


def test_version_and_old_spellings(nstyle, model: Path, photo: Path) -> None:
    assert nstyle("--version").stdout.decode() == f"nstyle {__version__}\n"
    old = nstyle(
        "stylize", photo, "--model", model, "--style", "plain", "--output", "a.png", "--keep-color", "luminance"
    )
    assert old.returncode == 0, old.stderr.decode()
    lines = [line for line in old.stderr.decode().splitlines() if "goes on working until 0.3" in line]
    assert [line.split(";")[0] for line in lines] == [
        "nstyle: --output is now --out",
        "nstyle: --keep-color luminance is now --keep-color",
    ]
    new = nstyle("stylize", photo, "--model", model, "--style", "plain", "-o", "b.png", "--keep-color")
    assert new.returncode == 0, new.stderr.decode()
    assert "until" not in new.stderr.decode()


@pytest.mark.parametrize(
    "command",
    [
        "",
        *(name for rows in COMMANDS.values() for name, *_ in rows),
        *(f"reconstruct {name}" for name in ("style", "content", "transfer", "sweep", "check", "report")),
    ],
)
def test_help_says_what_values_mean_and_cuts_nothing_off(nstyle, command: str) -> None:
    text = nstyle(*command.split(), "--help").stdout.decode()
    assert "Usage" in text
    found = re.search(r"<(str|int|float|list)|\bTEXT\b|INTEGER|[a-z]\.\.\.$|`|\\{", text, re.MULTILINE)
    assert not found, text[max(0, found.start() - 80) : found.end()]


def test_help_says_true_defaults_by_command(nstyle) -> None:
    train, append = (" ".join(nstyle(name, "--help").stdout.decode().split()) for name in ("train", "add-style"))
    assert f"The number of updates of the run. [default: {DEFAULT_UPDATES}; at least 1]" in train
    assert f"The number of updates of the run. [default: {ADD_STYLE_UPDATES}; at least 1]" in append
    assert "--preset relative|relative-3|johnson|dumoulin" in train
    assert "--width" not in append
    for heading in ("Paintings:", "Photographs:", "Loss:", "Schedule:", "Hardware:", "Output:", "Examples:"):
        assert heading in train
