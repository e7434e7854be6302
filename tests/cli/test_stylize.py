"""``nstyle stylize`` as users type it."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nstyle as package
from nstyle.inference.batch import stylize_files
from nstyle.inference.options import Request
from nstyle.inference.writing import Result


def paint(tmp_path: Path, **values: object) -> list[str]:
    """Run the engine in this process: quicker than a process for each case."""
    request = Request(**({"out": str(tmp_path)} | values))
    return [result.output for result in stylize_files(request, notice=lambda text: None) if isinstance(result, Result)]


def test_blend_from_shell_to_file(nstyle, model: Path, photo: Path, tmp_path: Path) -> None:
    done = nstyle("stylize", photo, "--model", model, "--weights", "0.5,0.25,0.25", "--out", "out.png")
    assert done.returncode == 0, done.stderr.decode()
    assert "Warning" not in done.stderr.decode()
    expected = package.load(model).stylize(Image.open(photo), [0.5, 0.25, 0.25])
    with Image.open(tmp_path / "out.png") as written:
        assert np.array_equal(np.asarray(written), np.asarray(expected))
    again = nstyle("stylize", photo, "--model", model, "--style", "plain", "--out", "out.png")
    assert again.returncode == 2
    assert "out.png exists; give --overwrite" in again.stderr.decode()


def test_streams(nstyle, model: Path, photo: Path, tmp_path: Path) -> None:
    done = nstyle("stylize", "-", "--model", model, "--style", "plain", stdin=photo.read_bytes())
    assert done.returncode == 0, done.stderr.decode()
    with Image.open(io.BytesIO(done.stdout)) as picture, Image.open(photo) as original:
        assert picture.size == original.size
    assert not list(tmp_path.iterdir())
    broken = nstyle("stylize", "-", "--model", model, "--style", "plain", stdin=b"no picture")
    assert (broken.returncode, broken.stdout) == (1, b"")
    assert broken.stderr.decode().count("\n") == 1


def test_json_report(nstyle, model: Path, photo: Path, tmp_path: Path) -> None:
    done = nstyle("stylize", photo, "--model", model, "--weights", "starry=3,wave=1", "--json", "--size", "64")
    report = json.loads(done.stdout)
    assert report[0]["weights"] == {"van-gogh-starry-night": 0.75, "hokusai-great-wave": 0.25}
    assert max(report[0]["width"], report[0]["height"]) == 64
    assert (tmp_path / report[0]["output"]).name == "coffee_van-gogh-starry-night75+hokusai-great-wave25.png"
    assert "sum to 4 and were normalized" in done.stderr.decode()


def test_errors_are_one_line_with_the_right_status(nstyle, model: Path, photo: Path, tmp_path: Path) -> None:
    done = nstyle("stylize", photo, "--model", model, "--weights", "0.5,0.5")
    assert done.returncode == 2
    assert done.stderr.decode().count("\n") == 1
    assert "got 2 weights for 3 styles" in done.stderr.decode()
    assert "--styles" in done.stderr.decode()
    with_trace = nstyle("stylize", photo, "--model", model, "--weights", "0.5,0.5", "--debug")
    assert "Traceback" in with_trace.stderr.decode()
    assert not list(tmp_path.iterdir())


def test_all_styles_and_a_contact_sheet(model: Path, photo: Path, tmp_path: Path) -> None:
    outputs = paint(tmp_path, photos=(str(photo),), model=str(model), all_styles=True)
    names = [Path(path).name for path in outputs]
    assert names == [
        "coffee_van-gogh-starry-night.png",
        "coffee_hokusai-great-wave.png",
        "coffee_plain.png",
        "coffee_all.png",
    ]
    assert all(Path(path).exists() for path in outputs)


def test_folder_in_folder_out(model: Path, photos: Path, tmp_path: Path) -> None:
    outputs = paint(tmp_path / "new", photos=(str(photos),), model=str(model), style="plain", out=str(tmp_path / "new"))
    assert sorted(Path(path).name for path in outputs) == [
        f"{n}_plain.png" for n in ("astronaut", "chelsea", "coffee", "rocket")
    ]


def test_chosen_styles_blend_in_equal_parts(model: Path, photo: Path, tmp_path: Path) -> None:
    [output] = paint(tmp_path, photos=(str(photo),), model=str(model), styles="plain,wave")
    assert Path(output).name == "coffee_plain50+hokusai-great-wave50.png"


def test_a_mask_decides_where_a_style_goes(nstyle, model: Path, photo: Path, tmp_path: Path) -> None:
    """Left of the middle one style, right of it the other; the moments are those of the whole picture, so that both
    sides change."""
    with Image.open(photo) as original:
        size = original.size
    left = Image.new("L", size, 0)
    left.paste(255, (0, 0, size[0] // 2, size[1]))
    left.save(tmp_path / "left.png")
    done = nstyle(
        "stylize", photo, "--model", model, "--style", "plain", "--mask", "starry=left.png", "--tile", "exact"
    )
    assert done.returncode == 0, done.stderr.decode()
    with Image.open(tmp_path / "coffee_plain+van-gogh-starry-night-mask.png") as masked:
        painted = np.asarray(masked).astype(int)
    plain = np.asarray(package.load(model).stylize(Image.open(photo), "plain")).astype(int)
    difference = np.abs(painted - plain).mean(axis=(0, 2))
    assert difference[: size[0] // 4].mean() > 1.5 * difference[-size[0] // 4 :].mean()
    none_left = nstyle("stylize", photo, "--model", model, "--mask", "starry=left.png")
    assert none_left.returncode == 2
    assert "leave 50 % of the picture uncovered; give --style or --weights for the rest" in none_left.stderr.decode()


def test_sizes_are_refused_before_they_are_made(nstyle, model: Path, photo: Path, tmp_path: Path) -> None:
    done = nstyle("stylize", photo, "--model", model, "--style", "plain", "--size", "60000")
    assert done.returncode == 2
    assert "at --size 60000 has 60000x" in done.stderr.decode()
    with pytest.raises(
        package.NstyleError, match=r"more than 0\.001 megapixels; reduce it, or allow more with `max_pixels`"
    ):
        paint(tmp_path, photos=(str(photo),), model=str(model), style="plain", max_pixels=1000)
    assert not list(tmp_path.iterdir())
    tiled = nstyle("stylize", photo, "--model", model, "--style", "plain", "--tile", "squares")
    assert tiled.returncode == 2
    assert "--tile is squares; expected auto | whole | exact | sampled | thumbnail" in tiled.stderr.decode()


def test_alpha_and_orientation_survive(model: Path, tmp_path: Path) -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8))
    alpha = Image.new("L", image.size, 255)
    alpha.paste(0, (0, 0, 25, 30))
    image.putalpha(alpha)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "in.png", exif=exif)
    [output] = paint(tmp_path, photos=(str(tmp_path / "in.png"),), model=str(model), style="plain")
    with Image.open(output) as painted:
        assert painted.mode == "RGBA"
        assert painted.size == (30, 50)
        assert np.array_equal(
            np.asarray(painted.getchannel("A")), np.asarray(alpha.transpose(Image.Transpose.ROTATE_270))
        )


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tif"])
def test_output_formats(model: Path, photo: Path, tmp_path: Path, extension: str) -> None:
    [output] = paint(
        tmp_path, photos=(str(photo),), model=str(model), style="plain", out=str(tmp_path / f"o.{extension}")
    )
    with Image.open(output) as painted, Image.open(photo) as original:
        assert painted.size == original.size


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"style": "great-wav"}, None),
        ({"style": "grate-wave"}, "did you mean 'hokusai-great-wave'"),
        ({}, "choose with `style`, `weights` or `all_styles`"),
        ({"weights": "1,-1,1"}, "expected a finite number of at least 0"),
        ({"weights": "0,0,0"}, "all weights are 0"),
        ({"weights": "a"}, "`weights` is 'a'"),
        ({"style": "plain", "weights": "1,1,1"}, "were given together"),
        ({"style": "plain", "masks": ("plain",)}, "`masks` is 'plain'; expected NAME=FILE"),
        ({"style": "plain", "masks": ("plain=nothing.png",)}, "nothing.png: no such file"),
        ({"all_styles": True, "masks": ("plain=MASK",)}, "`all_styles` and `masks` were given together"),
        ({"masks": ("plain=MASK", "pla=MASK")}, "names 'plain' twice"),
        ({"masks": ("nobody=MASK",)}, "has no style 'nobody'; it has: van-gogh-starry-night"),
        ({"style": "plain", "out": "o.xyz"}, "expected a folder, or a file ending in"),
        ({"all_styles": True, "out": "o.png"}, "give a folder"),
        ({"style": "plain", "photos": ("nothing.jpg",)}, "no such file"),
        ({"style": "plain", "model": "nothing"}, "model 'nothing' not found"),
        ({"all_styles": True, "photos": ("-",)}, "standard output takes one picture"),
        ({"style": "plain", "out": "-", "as_json": True}, "both want standard output"),
        ({"style": "plain", "device": "cuda:77"}, "`device` is cuda:77"),
    ],
)
def test_bad_requests_write_nothing(
    model: Path,
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    values: dict[str, object],
    message: str | None,
) -> None:
    monkeypatch.chdir(tmp_path)
    if "masks" in values:
        mask = photo.parent / "mask.png"
        Image.new("L", (30, 20), 255).save(mask)
        values = values | {"masks": tuple(text.replace("MASK", str(mask)) for text in values["masks"])}
    request = {"photos": (str(photo),), "model": str(model), "out": None} | values
    if message is None:
        assert paint(tmp_path, **request)
        return
    with pytest.raises(package.UsageError, match=message):
        paint(tmp_path, **request)
    assert not list(tmp_path.iterdir())


def test_the_photograph_itself_is_protected(model: Path, photo: Path, tmp_path: Path) -> None:
    twin = tmp_path / "coffee.jpg"
    twin.write_bytes(photo.read_bytes())
    with pytest.raises(package.UsageError, match="is to be read"):
        paint(tmp_path, photos=(str(twin),), model=str(model), style="plain", out=str(twin), overwrite=True)
    assert twin.read_bytes() == photo.read_bytes()


def test_broken_photograph_does_not_stop_the_others(nstyle, model: Path, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"broken")
    done = nstyle("stylize", "a.jpg", photo, "--model", model, "--style", "plain", "--out", "out", "--json")
    assert done.returncode == 1
    assert "1 of 2 files could not be painted" in done.stderr.decode()
    failed, painted = json.loads(done.stdout)
    assert "cannot be read as a picture" in failed["error"]
    assert (tmp_path / painted["output"]).exists()


def test_old_spellings_still_work_each_with_one_line(nstyle, model: Path, photo: Path, tmp_path: Path) -> None:
    words = ("--model", model, "--style", "plain", "--keep-color", "luminance", "--output", "old.png")
    done = nstyle("stylize", photo, *words)
    assert done.returncode == 0, done.stderr.decode()
    told = [line for line in done.stderr.decode().splitlines() if "until 0.3" in line]
    assert [line.split(";")[0] for line in told] == [
        "nstyle: --keep-color luminance is now --keep-color",
        "nstyle: --output is now --out",
    ]
    expected = package.load(model).stylize(Image.open(photo), "plain", keep_color="luminance")
    with Image.open(tmp_path / "old.png") as written:
        assert np.array_equal(np.asarray(written), np.asarray(expected))


def test_the_help_says_what_the_settings_say(nstyle) -> None:
    text = " ".join(nstyle("stylize", "--help").stdout.decode().split())
    assert "[default: 1; 0 to 3]" in text
    assert "--tile auto|whole|exact|sampled|thumbnail" in text
    assert text.index("Styles: --style") < text.index("Painting: --strength") < text.index("Output: -o, --out")
    assert "--no-all" not in text


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--strength", "3.5"), "--strength is 3.5; expected 0 to 3"),
        (("--max-pixels", "0"), "--max-pixels is 0; expected at least 1"),
    ],
)
def test_settings_out_of_range_are_named_by_their_flags(
    nstyle, model: Path, photo: Path, tmp_path: Path, option: tuple[str, str], message: str
) -> None:
    done = nstyle("stylize", photo, "--model", model, "--style", "plain", *option)
    assert (done.returncode, done.stderr.decode()) == (2, f"nstyle: {message}\n")


def test_the_newest_run_is_announced_and_no_other_model(nstyle, model: Path, photo: Path, tmp_path: Path) -> None:
    run = tmp_path / "checkpoints" / "mine"
    run.mkdir(parents=True)
    (run / "model.safetensors").write_bytes(model.read_bytes())
    newest = nstyle("stylize", photo, "--style", "plain", "--out", "newest.png")
    assert newest.stderr.decode().splitlines()[0] == "nstyle: painting with checkpoints/mine, the newest run"
    for words in (("--model", "mine", "--style", "plain"), ("--model", "default", "--style", "scream", "--size", "32")):
        done = nstyle("stylize", photo, *words, "--out", f"{words[1]}.png")
        assert [line.split()[0] for line in done.stderr.decode().splitlines()] == [f"{words[1]}.png"]
    unknown = nstyle("stylize", photo, "--style", "udnie")
    assert unknown.returncode == 2
    assert unknown.stderr.decode().splitlines()[-1] == (
        "nstyle: checkpoints/mine has no style 'udnie'; it has: van-gogh-starry-night, hokusai-great-wave, plain. "
        "The shipped model is --model default"
    )
