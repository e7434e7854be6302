"""Painting pictures, arrays and tensors from Python."""

import inspect
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFont
from torch.utils._python_dispatch import TorchDispatchMode

import nstyle
from nstyle.errors import UsageError
from nstyle.imaging.grain import add_grain, with_grain
from nstyle.imaging.layout import contact_sheet, labelled_table, wrap
from nstyle.inference.color import keep_luminance
from nstyle.inference.device_check import precision_like_the_cpu
from nstyle.inference.masks import mix_map
from nstyle.inference.options import PaintOptions
from nstyle.models.model_file import load_model
from nstyle.models.style_names import match_style
from nstyle.models.transformer import TransformerNetwork
from nstyle.tiling.whole import WholePainter


def test_pictures_arrays_and_tensors_agree(stylizer: nstyle.Stylizer, image: Image.Image) -> None:
    weights = [0.5, 0.25, 0.25]
    picture = stylizer.stylize(image, weights)
    array = stylizer.stylize(np.asarray(image), weights)
    tensor = stylizer.stylize(torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255, weights)
    floats = stylizer.stylize(np.asarray(image) / 255.0, weights)
    assert picture.size == image.size
    assert np.array_equal(np.asarray(picture), array)
    assert tensor.shape == (3, image.height, image.width)
    assert np.abs(tensor.permute(1, 2, 0).numpy() * 255 - array).max() <= 0.51
    assert floats.dtype == np.float64
    assert np.abs(floats * 255 - array).max() <= 0.51


def test_a_file_is_painted_as_its_picture(stylizer: nstyle.Stylizer, tmp_path: Path) -> None:
    """Turned upright, and with its transparency on white, as the same picture from memory."""
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 50, 4), dtype=np.uint8), "RGBA")
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "in.png", exif=exif)
    with Image.open(tmp_path / "in.png") as opened:
        expected = stylizer.stylize(opened, "plain", strength=0.5)
    assert expected.size == (30, 50)
    for path in (tmp_path / "in.png", str(tmp_path / "in.png")):
        assert np.array_equal(np.asarray(stylizer.stylize(path, "plain", strength=0.5)), np.asarray(expected))
    with pytest.raises(UsageError, match=r"nothing\.jpg: no such file"):
        stylizer.stylize("nothing.jpg", "plain")


def test_masks_come_as_pictures_do(stylizer: nstyle.Stylizer, image: Image.Image, tmp_path: Path) -> None:
    left = np.zeros((image.height, image.width), np.uint8)
    left[:, : image.width // 2] = 255
    Image.fromarray(left).save(tmp_path / "left.png")
    transparent = Image.merge("LA", (Image.new("L", image.size, 255), Image.fromarray(left)))
    masks = (
        left,
        left > 0,
        left / 255,
        np.repeat(left[..., None], 3, axis=2),
        torch.from_numpy(left),
        torch.from_numpy(left)[None] / 255,
        Image.fromarray(left),
        transparent,
        tmp_path / "left.png",
        str(tmp_path / "left.png"),
    )
    painted = [np.asarray(stylizer.stylize(image, "plain", masks={"starry": mask})) for mask in masks]
    assert not np.array_equal(painted[0], np.asarray(stylizer.stylize(image, "plain")))
    assert all(np.array_equal(picture, painted[0]) for picture in painted)


def test_devices_are_named_as_elsewhere(model: Path) -> None:
    assert nstyle.load(model, device=torch.device("cpu")).device == torch.device("cpu")
    assert nstyle.load(model, device="auto").device.type in ("cpu", "cuda", "mps")
    for device in ("gpu", "cuda:77", ""):
        with pytest.raises(UsageError, match=f"`device` is {device}"):
            nstyle.load(model, device=device)


def test_defaults_are_those_of_the_settings() -> None:
    parameters = inspect.signature(nstyle.Stylizer.stylize).parameters
    for setting in fields(PaintOptions):
        assert parameters[setting.name].default == setting.default


def test_a_mirrored_margin_keeps_the_frame_out_of_the_picture(stylizer: nstyle.Stylizer) -> None:
    image = torch.rand(3, 64, 40)  # The margin is 60 px, or one less than a side that is shorter.
    padded = torch.nn.functional.pad(image[None], (39, 39, 60, 60), mode="reflect")
    mix = torch.tensor([[0.0, 0.0, 1.0]])
    expected = stylizer.network(padded, mix)[0, :, 60:-60, 39:-39]
    # Strips round to half precision between layers, the whole network does not; without the margin it is 34 levels
    # instead of 0.3.
    assert (stylizer.stylize(image, "plain") - expected).abs().mean() < 1 / 255


def test_no_line_along_the_top(photo: Path) -> None:
    """With a margin that is shorter than the network's reach, Olive Trees has three rows of cyan there, 79 levels off
    on this picture."""
    painted = np.asarray(nstyle.load("default").stylize(Image.open(photo), "olive", size=256)).astype(float)
    assert np.abs(painted[:3].mean(axis=(0, 1)) - painted[6:16].mean(axis=(0, 1))).max() < 25


def test_batch_of_tensors(stylizer: nstyle.Stylizer) -> None:
    batch = torch.rand(2, 3, 20, 24)
    output = stylizer.stylize(batch, "plain")
    torch.testing.assert_close(output[1], stylizer.stylize(batch[1], "plain"), rtol=1e-4, atol=1e-5)


def test_a_tensor_stays_where_it_is_and_its_range_is_one_transfer(
    stylizer: nstyle.Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting for a GPU, once per picture and number asked for, kept it idle between the pictures of a batch."""

    class Transfers(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: object, types: object, args: tuple[object, ...] = (), kwargs: dict[str, object] | None = None
        ):
            names.append(str(func))
            return func(*args, **(kwargs or {}))

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a tensor was fetched")

    names: list[str] = []
    fetched = []
    listed = torch.Tensor.tolist
    monkeypatch.setattr(torch.Tensor, "cpu", refuse)
    monkeypatch.setattr(torch.Tensor, "tolist", lambda tensor: fetched.append(tensor.shape) or listed(tensor))
    monkeypatch.setattr(
        "nstyle.inference.margin.paint", lambda network, picture, mix, tiling, report, **options: 1 - picture
    )
    batch = torch.rand(3, 3, 20, 24)
    with Transfers():
        painted = stylizer.stylize(batch, "plain")
    torch.testing.assert_close(painted, 1 - batch)
    assert fetched == [(2,)]
    assert "aten.aminmax.default" in names
    assert "aten._local_scalar_dense.default" not in names


@pytest.mark.parametrize(
    ("spoil", "is_right"),
    [(None, True), (lambda painted: painted.flip(3), False), (lambda painted: painted / 0 * 0, False)],
)
def test_a_device_that_paints_wrongly_is_found_out_once(
    model: Path,
    image: Image.Image,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    spoil: object,
    is_right: bool,
) -> None:
    """pytorch#192212: MPS convolutions that misread channels_last weights painted noise, and nothing said so."""
    expected = np.asarray(nstyle.load(model).stylize(image, "plain"))
    monkeypatch.setattr("nstyle.inference.stylizer.TRUSTED", ())
    stylizer = nstyle.load(model)
    device_network = stylizer.network
    if spoil is not None:
        device_network.register_forward_hook(lambda module, arguments, painted: spoil(painted))
    first, tensor = stylizer.stylize(image, "plain"), stylizer.stylize(torch.rand(3, 20, 24), "plain")
    assert np.array_equal(np.asarray(first), expected)
    assert tensor.isfinite().all()
    assert (stylizer.network is device_network) == is_right
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == (not is_right)
    assert all("so the CPU paints now" in line and torch.__version__ in line for line in lines)


def test_half_precision_is_taken_if_every_style_is_painted_in_it_as_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """One style that float16 has no room for, among others that are fine: it was painted as NaN."""
    monkeypatch.setattr("nstyle.inference.device_check.PRECISIONS", {"cpu": (torch.float16, torch.float32)})
    monkeypatch.setattr(
        "nstyle.inference.device_check.whole_painter", lambda network, device, dtype: WholePainter(network, dtype)
    )
    torch.manual_seed(0)
    network = TransformerNetwork(3, width=0.25).eval().to(memory_format=torch.channels_last)
    assert precision_like_the_cpu(network, torch.device("cpu"), network) == torch.float16
    with torch.no_grad():
        network.downsampling[0].norm.gamma_SC[1] = 1e6
    assert precision_like_the_cpu(network, torch.device("cpu"), network) == torch.float32


def test_arrays_and_pictures_are_painted_alike(stylizer: nstyle.Stylizer, image: Image.Image) -> None:
    for options in ({}, {"grain": 3.0}, {"strength": 0.5}):
        array = np.array(image)
        painted = stylizer.stylize(array, "plain", **options)
        assert np.array_equal(painted, np.asarray(stylizer.stylize(image, "plain", **options)))
        assert np.array_equal(array, np.asarray(image)), "what is given is not changed"


def test_blends_mix_gamma_and_beta_not_pixels(stylizer: nstyle.Stylizer, image: Image.Image) -> None:
    a, b, half = (np.asarray(stylizer.stylize(image, w)).astype(float) for w in ([1, 0, 0], [0, 1, 0], [1, 1, 0]))
    assert np.abs(half - (a + b) / 2).mean() > 1
    assert np.abs(a - b).mean() > 1


def test_photograph_and_model_are_left_alone(stylizer: nstyle.Stylizer, image: Image.Image) -> None:
    before = np.array(image)
    first = stylizer.stylize(image, "plain")
    stylizer.stylize(image, [0.1, 0.2, 0.7])
    assert np.array_equal(np.asarray(image), before)
    assert np.array_equal(np.asarray(stylizer.stylize(image, "plain")), np.asarray(first))


def test_strength(stylizer: nstyle.Stylizer, image: Image.Image) -> None:
    full = np.asarray(stylizer.stylize(image, "plain")).astype(float)
    photo = np.asarray(image).astype(float)
    assert np.array_equal(np.asarray(stylizer.stylize(image, "plain", strength=0)), photo)
    half = np.asarray(stylizer.stylize(image, "plain", strength=0.5)).astype(float)
    assert np.abs(half - (full + photo) / 2).max() <= 1


def test_keep_luminance_takes_brightness_from_one_and_colour_from_the_other(
    stylizer: nstyle.Stylizer, image: Image.Image
) -> None:
    stylized = stylizer.stylize(image, "plain")
    mixed = stylizer.stylize(image, "plain", keep_color="luminance")
    assert np.array_equal(np.asarray(mixed), np.asarray(keep_luminance(stylized, image)))
    grey = Image.new("RGB", (4, 4), (128, 128, 128))
    red = Image.new("RGB", (4, 4), (150, 110, 110))
    y, cb, cr = keep_luminance(grey, red).convert("YCbCr").getpixel((0, 0))
    assert abs(y - 128) <= 2
    assert np.abs(np.subtract((cb, cr), red.convert("YCbCr").getpixel((0, 0))[1:])).max() <= 2


def test_grain_makes_strokes_of_what_repeats_in_plain_areas(stylizer: nstyle.Stylizer) -> None:
    """A plain picture is painted as a mesh that repeats every four pixels."""
    sky = Image.new("RGB", (96, 64), (140, 170, 210))
    mesh, strokes = (np.asarray(stylizer.stylize(sky, "plain", grain=grain)).astype(float) for grain in (0, 2))
    assert np.abs(mesh[:, 4:] - mesh[:, :-4]).max() <= 1
    assert np.abs(strokes[:, 4:] - strokes[:, :-4]).mean() > 5


def test_grain_is_grey_noise_of_the_given_strength_in_any_number_of_bands() -> None:
    grey = torch.full((1, 3, 600, 400), 128, dtype=torch.uint8)
    grained = add_grain(grey.clone(), 2)[0].numpy().astype(float) - 128
    # Five octaves, and rounding to whole levels, which adds a twelfth to the variance.
    assert grained.std() == pytest.approx(np.hypot(2 * 5**0.5, 12**-0.5), rel=0.05)
    assert abs(grained.mean()) < 0.2
    assert np.array_equal(grained[0], grained[2])
    assert np.corrcoef(grained[0, :256].ravel(), grained[0, 256:512].ravel())[0, 1] < 0.1
    assert torch.equal(add_grain(grey.clone(), 2), add_grain(grey.clone(), 2))
    assert torch.equal(add_grain(grey.clone(), 0), grey)
    black = add_grain(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), 16)
    assert black.max() < 255  # Nothing wraps around below black.


def test_pictures_and_levels_get_half_of_the_grain_that_a_model_was_trained_with(
    model: Path, stylizer: nstyle.Stylizer, image: Image.Image
) -> None:
    network, info = load_model(model)
    trained = nstyle.Stylizer(network, replace(info, grain=6.0))
    expected = np.asarray(stylizer.stylize(image, "plain", grain=3))
    assert np.array_equal(np.asarray(trained.stylize(image, "plain")), expected)
    assert np.array_equal(trained.stylize(np.asarray(image), "plain"), expected)
    assert np.array_equal(
        np.asarray(trained.stylize(image, "plain", grain=0)), np.asarray(stylizer.stylize(image, "plain"))
    )
    colors = np.asarray(image) / np.float32(255)
    assert np.array_equal(trained.stylize(colors, "plain"), stylizer.stylize(colors, "plain"))
    with pytest.raises(UsageError, match=r"`grain` are for files, PIL pictures and uint8 arrays"):
        trained.stylize(colors, "plain", grain=3)


def test_a_batch_gets_the_grain_of_its_pictures(image: Image.Image) -> None:
    photo = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 255
    expected = add_grain(torch.from_numpy(np.array(image)).permute(2, 0, 1)[None], 3)[0] / 255
    for grainy in with_grain(photo.expand(2, -1, -1, -1), 3):
        torch.testing.assert_close(grainy, expected)
    assert with_grain(photo, 0) is photo


def test_grain_stays_out_of_the_photograph(stylizer: nstyle.Stylizer, image: Image.Image) -> None:
    assert np.array_equal(np.asarray(stylizer.stylize(image, "plain", grain=8, strength=0)), np.asarray(image))
    half, full = (np.asarray(stylizer.stylize(image, "plain", grain=8, strength=x)).astype(float) for x in (0.5, 1))
    assert np.abs(half - (full + np.asarray(image)) / 2).max() <= 1


def test_size_and_one_pixel(stylizer: nstyle.Stylizer, image: Image.Image) -> None:
    assert max(stylizer.stylize(image, "plain", size=60).size) == 60
    assert stylizer.stylize(image.resize((1, 1)), "plain").size == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "choose one or weigh them"),
        ({"weights": "plain", "strength": 3.5}, "`strength` is 3.5; expected 0 to 3"),
        ({"weights": "plain", "stroke": 5}, "`stroke` is 5; expected 0.5 to 4"),
        ({"weights": "plain", "keep_color": "hue"}, "`keep_color` is hue; expected luminance"),
        ({"weights": "plain", "size": 0}, "`size` is 0; expected at least 1 px"),
        ({"weights": "plain", "grain": -1}, "`grain` is -1; expected 0 to 64 levels of 255"),
        ({"weights": "plain", "grain": float("nan")}, "`grain` is nan"),
    ],
)
def test_bad_arguments(
    stylizer: nstyle.Stylizer, image: Image.Image, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        stylizer.stylize(image, **arguments)


def test_values_outside_0_to_1_are_refused(stylizer: nstyle.Stylizer) -> None:
    """hzy46#55: 0-255 was fed where 0-1 was expected; magenta#385: divided by 255 twice."""
    with pytest.raises(UsageError, match=r"values from 0 to 255; expected \[0, 1\]"):
        stylizer.stylize(torch.tensor([0.0, 255.0, 1.0]).view(3, 1, 1), "plain")
    with pytest.raises(UsageError, match=r"expected float"):
        stylizer.stylize(torch.zeros(3, 4, 4, dtype=torch.uint8), "plain")
    with pytest.raises(UsageError, match=r"expected \(H, W, 3\)"):
        stylizer.stylize(np.zeros((4, 4)), "plain")


def test_letters_that_are_not_english_are_drawn() -> None:
    picture = Image.new("RGB", (200, 40))
    drawn = {name: contact_sheet([(name, picture)]).tobytes() for name in ("ü", "č", "ж", "\ufffe")}
    assert len(set(drawn.values())) == len(drawn)


def test_contact_sheet_holds_every_picture() -> None:
    pictures = [(f"style-{i}", Image.new("RGB", (60, 40), (40 * i, 255 - 40 * i, 128))) for i in range(5)]
    sheet = np.asarray(contact_sheet(pictures)).reshape(-1, 3)
    for _, picture in pictures:
        assert (sheet == picture.getpixel((0, 0))).all(axis=1).sum() == 60 * 40


def test_labels_keep_one_size_and_stay_within_their_columns() -> None:
    """Small pictures get columns that are wide enough to read, and long labels more lines; nothing is cut."""
    font = ImageFont.load_default(16)
    label = "style weight 0.002, tv weight 1000, painting van-gogh_starry-night.jpg"
    lines = wrap(label, font, 128).split("\n")
    assert all(font.getlength(line) <= 128 for line in lines)
    assert "".join(lines).replace(" ", "") == label.replace(" ", "")
    red = Image.new("RGB", (32, 32), "red")
    short, long = (np.asarray(labelled_table([""], [text], [[red]])) for text in ("a", label))
    assert long.shape[0] > short.shape[0] + 4 * 16
    assert (long == (255, 0, 0)).all(axis=2).sum() == 32 * 32


def test_soft_masks_share_every_pixel(stylizer: nstyle.Stylizer, image: Image.Image) -> None:
    """Two masks that complement each other cover everything, although their grey levels are rounded when they are
    resized."""
    ramp = np.tile(np.linspace(0, 255, 77).round().astype(np.uint8), (round(77 * image.height / image.width), 1))
    mixes, layers = mix_map(stylizer.styles, None, {"plain": ramp, "starry": 255 - ramp}, image.size)
    assert [stylizer.styles[row] for row in mixes.argmax(dim=1)] == [
        match_style(name, stylizer.styles) for name in ("plain", "starry")
    ]
    torch.testing.assert_close(layers.sum(dim=1), torch.ones(1, image.height, image.width))
    mixes, layers = mix_map(stylizer.styles, {"hokusai-great-wave": 1.0}, {"plain": ramp}, image.size)
    assert layers.shape[1] == len(mixes) == 2
    torch.testing.assert_close(layers.sum(dim=1), torch.ones(1, image.height, image.width))
    with pytest.raises(nstyle.UsageError, match="expected the same proportions"):
        mix_map(stylizer.styles, None, {"plain": ramp.T.copy()}, image.size)
    with pytest.raises(nstyle.UsageError, match="two masks are for the same style"):
        mix_map(stylizer.styles, None, {"plain": ramp, "plai": ramp}, image.size)
