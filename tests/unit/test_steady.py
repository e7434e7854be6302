"""Films: what stands still in the scene stands still in the painting, and what moves leaves nothing behind."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
import torch
import torch.nn.functional as F
from PIL import Image

import nstyle
from nstyle.inference.options import PaintOptions
from nstyle.models.transformer import ConvNorm
from nstyle.tiling.kinds import Tiling
from nstyle.tiling.memory import MomentMemory
from nstyle.tiling.paint import paint
from nstyle.tiling.whole import WholePainter
from nstyle.video.motion import Camera
from nstyle.video.noise import NoiseFilter
from nstyle.video.scenes import CutDetector
from nstyle.video.steady import FramePainter, Steady

Levels = npt.NDArray[np.uint8]
STYLE = "van-gogh-starry-night"
MIX = {STYLE: 1.0}
STEADY: tuple[Steady, ...] = ("low", "high")


def photograph(name: str, width: int, height: int) -> Levels:
    return np.array(Image.fromarray(getattr(skimage.data, name)()).resize((width, height)))


@pytest.fixture(scope="module")
def coffee() -> Levels:
    return photograph("coffee", 60, 40)


def noisy(picture: Levels, frames: int, deviation: float = 2.5) -> list[Levels]:
    generator = np.random.default_rng(0)
    return [
        np.rint(picture + deviation * generator.standard_normal(picture.shape)).clip(0, 255).astype(np.uint8)
        for _ in range(frames)
    ]


def change(frames: list[Levels]) -> float:
    return float(np.mean([np.abs(a.astype(int) - b).mean() for a, b in pairwise(frames)]))


def batch(frame: Levels) -> torch.Tensor:
    return torch.from_numpy(frame.copy()).permute(2, 0, 1)[None]


def test_off_paints_every_frame_by_itself(stylizer: nstyle.Stylizer, coffee: Levels) -> None:
    painter = FramePainter(stylizer, PaintOptions(), "off")
    for frame in noisy(coffee, 2):
        np.testing.assert_array_equal(painter.paint(frame, MIX), stylizer.stylize(frame, STYLE))


@pytest.mark.parametrize("steady", [*STEADY, "off"])
@pytest.mark.parametrize(
    "options",
    [PaintOptions(), PaintOptions(stroke=2, keep_color="luminance"), PaintOptions(tiling="whole", strength=2)],
    ids=["plain", "stroke", "whole"],
)
def test_a_picture_that_does_not_change_is_painted_the_same(
    stylizer: nstyle.Stylizer, coffee: Levels, steady: Steady, options: PaintOptions
) -> None:
    painter = FramePainter(stylizer, options, steady)
    first = painter.paint(coffee, MIX)
    assert first.shape == coffee.shape
    for _ in range(2):
        np.testing.assert_array_equal(painter.paint(coffee, MIX), first)


@pytest.mark.parametrize("steady", STEADY)
def test_plain_frames_may_change_their_colour(stylizer: nstyle.Stylizer, steady: Steady) -> None:
    """Each has next to no variance, so that its distance from a mean over time could become infinite. Painting refuses
    to write what is not finite."""
    painter = FramePainter(stylizer, PaintOptions(grain=0), steady)
    frames = [np.full((40, 40, 3), level, dtype=np.uint8) for level in (0, 0, 0, 255, 40, 200)]
    painted = [painter.paint(frame, MIX) for frame in frames]
    np.testing.assert_array_equal(painted[1], painted[0])
    assert np.ptp(painted[-1]) > 0


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (3, 40)])
def test_frames_may_be_tiny(stylizer: nstyle.Stylizer, size: tuple[int, int]) -> None:
    painter = FramePainter(stylizer, PaintOptions(), "low")
    for frame in noisy(np.full((*size, 3), 128, dtype=np.uint8), 3):
        assert painter.paint(frame, MIX).shape == frame.shape


def test_masks_are_steady_too(stylizer: nstyle.Stylizer, coffee: Levels) -> None:
    mask = np.zeros(coffee.shape[:2], dtype=bool)
    mask[:, :30] = True
    painter = FramePainter(stylizer, PaintOptions(grain=0), "low", {"great-wave": mask})
    first = painter.paint(coffee, MIX)
    np.testing.assert_array_equal(painter.paint(coffee, MIX), first)
    alone = stylizer.stylize(coffee, STYLE, masks={"great-wave": mask}, grain=0)
    assert np.abs(first.astype(int) - alone).max() <= 2
    frames, changes = noisy(coffee, 4), []
    for steady in ("low", "off"):
        painter = FramePainter(stylizer, PaintOptions(grain=0), steady, {"great-wave": mask})
        changes.append(change([painter.paint(frame, MIX) for frame in frames]))
    assert changes[0] < 0.5 * changes[1]


def test_noise_is_painted_less_the_steadier() -> None:
    """A real photograph in a real style."""
    model, frames = nstyle.load("slim"), noisy(photograph("coffee", 72, 48), 5)
    changes = {}
    for steady in ("off", "low", "high"):
        painter = FramePainter(model, PaintOptions(), steady)
        changes[steady] = change([painter.paint(frame, MIX) for frame in frames][2:])
    assert changes["low"] < 0.25 * changes["off"]
    assert changes["high"] < 0.8 * changes["low"]


def test_strokes_follow_the_camera() -> None:
    """A pan to the right and down by pixels that are no multiples of the network's squares."""
    model, photo, steps = nstyle.load("slim"), photograph("astronaut", 200, 200), [(0, 0), (1, 3), (2, 6)]
    changes = {}
    for steady in ("off", "low"):
        painter = FramePainter(model, PaintOptions(), steady)
        painted = [painter.paint(photo[top : top + 128, left : left + 128], MIX) for top, left in steps]
        changes[steady] = change(
            [p[16 - top : 112 - top, 16 - left : 112 - left] for p, (top, left) in zip(painted, steps, strict=True)]
        )
    assert changes["low"] < 0.3 * changes["off"]


@pytest.mark.parametrize("steady", STEADY)
def test_a_cut_begins_anew(stylizer: nstyle.Stylizer, coffee: Levels, steady: Steady) -> None:
    painter, other = FramePainter(stylizer, PaintOptions(), steady), photograph("rocket", 60, 40)
    for frame in noisy(coffee, 3):
        painter.paint(frame, MIX)
    for after in (other, other[:30]):  # Another size is another scene, too.
        fresh = FramePainter(stylizer, PaintOptions(), steady).paint(after, MIX)
        np.testing.assert_array_equal(painter.paint(after, MIX), fresh)


def test_the_moments_do_not_lag_behind_the_mix(stylizer: nstyle.Stylizer, coffee: Levels) -> None:
    painter = FramePainter(stylizer, PaintOptions(), "high")
    for _ in range(5):
        painter.paint(coffee, MIX)
    other = {"hokusai-great-wave": 1.0}
    fresh = FramePainter(stylizer, PaintOptions(), "high").paint(coffee, other)
    np.testing.assert_array_equal(painter.paint(coffee, other), fresh)


def test_moments_are_exponential_means(stylizer: nstyle.Stylizer, coffee: Levels) -> None:
    """The first layer's first and second moments, in strips and in one piece, against the definition in float64."""
    network, mix = stylizer.network, torch.tensor([[1.0, 0.0, 0.0]])
    frames = [batch(frame) for frame in noisy(coffee, 6, 20)]
    for tiling in ("exact", "whole"):
        memory, oracle = MomentMemory(frames=3), None
        for n, frame in enumerate(frames, start=1):
            memory.begin()
            paint(network, frame, mix, tiling, memory=memory)
            kernel = network.downsampling[0].conv.weight.double()
            raw = F.conv2d(F.pad(frame.double() / 255, (4,) * 4, mode="reflect"), kernel)
            measured = torch.stack([raw.mean(dim=(0, 2, 3)), raw.square().mean(dim=(0, 2, 3))])
            share = max(1 / n, 1 / 3)
            oracle = measured if oracle is None else (1 - share) * oracle + share * measured
        assert oracle is not None
        expected = torch.stack([oracle[0], oracle[1] - oracle[0].square()])
        torch.testing.assert_close(torch.stack(memory._layers[0]).double(), expected, rtol=1e-4, atol=1e-6)
        assert len(memory._layers) == sum(isinstance(module, ConvNorm) for module in network.modules())


@pytest.mark.parametrize("tiling", ["exact", "whole", "sampled"])
def test_all_ways_of_painting_remember(stylizer: nstyle.Stylizer, coffee: Levels, tiling: Tiling) -> None:
    """The second frame is normalized as the mean of both, not as it would be alone, and alike in every way."""
    first, second, mix = batch(coffee), batch(coffee // 4), torch.tensor([[0.5, 0.5, 0.0]])
    results = {}
    for way in ("exact", tiling):
        memory = MomentMemory(frames=8)
        for frame in (first, second):
            memory.begin()
            results[way] = paint(stylizer.network, frame, mix, way, memory=memory).float()
    assert (results["exact"] - results[tiling]).abs().mean() < 1
    assert (results[tiling] - paint(stylizer.network, second, mix, tiling)).abs().mean() > 5


def test_few_passes_remember_in_half_precision(stylizer: nstyle.Stylizer, coffee: Levels) -> None:
    painter, mix, memory = WholePainter(stylizer.network, torch.float16), torch.eye(3)[:1], MomentMemory(8)
    memory.begin()
    remembered = painter.paint(batch(coffee), mix, memory)
    assert (remembered - painter.paint(batch(coffee), mix)).abs().mean() < 1 / 255


@pytest.mark.parametrize(("frames", "still", "moved"), [(10, 2.5, 4.0), (30, 4.0, 8.0)])
def test_moving_things_leave_no_ghosts(frames: float, still: float, moved: float) -> None:
    """A disc of a photograph over the ground of another one, with noise: where it is and where it was."""
    ground, face = photograph("coffee", 200, 100), photograph("astronaut", 60, 60)
    disc = np.hypot(*np.mgrid[-30:30, -30:30]) < 28
    scene, noise = NoiseFilter(frames, still, moved), np.random.default_rng(0)
    for k in range(12):
        clean = ground.copy()
        clean[20:80, 6 * k : 6 * k + 60][disc] = face[disc]
        frame = np.rint(clean + 2.5 * noise.standard_normal(clean.shape)).clip(0, 255).astype(np.uint8)
        shown = scene.next(batch(frame))[0].permute(1, 2, 0).numpy()
    error = np.abs(shown.astype(int) - clean)
    assert error[:, 140:].mean() < 1.9  # The noise has 2.
    assert error[20:80, 66:126].mean() < 2.2
    assert error.max() < 25


def test_still_parts_become_still() -> None:
    frames = [batch(frame) for frame in noisy(photograph("coffee", 120, 80), 24)]
    scene = NoiseFilter(10, 2.5, 4)
    shown = [scene.next(frame)[0].permute(1, 2, 0).numpy() for frame in frames]
    assert change(shown[12:]) < 0.1


def test_cuts_are_found_and_pans_noise_flashes_and_fades_are_none() -> None:
    photo, other = photograph("coffee", 320, 200), photograph("rocket", 240, 200)

    def cuts(frames: list[Levels]) -> list[int]:
        detector = CutDetector()
        return [k for k, frame in enumerate(frames) if detector.is_cut(frame)]

    pan = [photo[:, 8 * k : 8 * k + 240] for k in range(10)]
    assert cuts(pan) == [0]
    assert cuts([*pan, other, other]) == [0, 10]
    assert cuts(noisy(photo, 5, 10)) == [0]
    flash = np.minimum(photo.astype(int) + 60, 255).astype(np.uint8)
    assert cuts([photo, flash, photo]) == [0]
    assert cuts([(photo * share).astype(np.uint8) for share in np.linspace(1, 0.2, 8)]) == [0]
    assert cuts([photo, photo[:100], photo[:100]]) == [0, 1]
    assert cuts(noisy(np.zeros((80, 80, 3), dtype=np.uint8), 5)) == [0]


def test_the_camera_is_followed_to_the_pixel() -> None:
    photo, camera = photograph("coffee", 400, 300), Camera()
    for k in range(8):
        top, left = 5 * k, 20 * k
        assert camera.follow(photo[top : top + 240, left : left + 240]) == (top, left)


def test_what_moves_before_a_plain_wall_is_no_camera() -> None:
    """Nor is noise."""
    camera, face = Camera(), photograph("astronaut", 60, 60)
    for k in range(6):
        frame = np.full((160, 240, 3), 128, dtype=np.uint8)
        frame[50:110, 60 + 3 * k : 120 + 3 * k] = face
        assert camera.follow(noisy(frame, 1)[0]) == (0, 0)
    camera = Camera()
    assert {camera.follow(frame) for frame in noisy(photograph("coffee", 240, 160), 5)} == {(0, 0)}
