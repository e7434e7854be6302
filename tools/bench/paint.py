"""Time painting from the decoded picture to the output array, the plain way and ours, at width 1 and 0.5, and also
from the shell to the file; and the frames of clips.

On a GPU, the network alone is timed too, on a picture that is already on the device.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import plain
import torch
from machine import synchronize
from PIL import Image, ImageOps
from rows import Bench, Row, Sample, Size

import nstyle
from nstyle.imaging.folders import list_pictures
from nstyle.imaging.pictures import encode, read_picture
from nstyle.inference.options import PaintOptions
from nstyle.models.locate import DEFAULT, find_model
from nstyle.models.model_file import ModelInfo, load_model, save_model
from nstyle.models.transformer import TransformerNetwork, pad_to_stride
from nstyle.system.memory import peak_memory, reset_peak_memory
from nstyle.tiling.paint import paint
from nstyle.tiling.whole import whole_painter
from nstyle.video.steady import FramePainter

SUBJECT = "paint"
SIZES: tuple[Size, ...] = ((256, 256), (512, 512), (1920, 1080), (6000, 4000), (12000, 8334))
ON_CUDA: tuple[Size, ...] = ((512, 512), (1920, 1080), (3840, 2160))
CLIPS: tuple[Size, ...] = ((640, 360), (1920, 1080))
"""The sizes of clips, which the small shipped model paints steadily."""
CLIP_MODEL = "slim"
LARGEST_PLAIN = 1920 * 1080
"""The size in pixels above which pictures are not painted the plain way on a CPU, and not in the quick bench."""
LARGEST_REPEATED = 6000 * 4000
"""The size in pixels above which pictures are painted in the first round only."""
SECONDS = 1.0
"""The seconds for which a picture is painted repeatedly, at least once."""
HALF = 0.5
"""The width of the small network, whose weights are random."""


def rows(bench: Bench) -> list[Row]:
    """Prepare the pictures and list the ways to paint each."""
    small = bench.prepared / "half.safetensors"
    styles = nstyle.load(DEFAULT).styles
    save_model(small, TransformerNetwork(len(styles), width=HALF), ModelInfo(styles=styles, width=HALF))
    tile = _largest(list_pictures(bench.photos))
    on_gpu = torch.device(bench.device).type == "cuda"
    result = []
    for size in bench.sizes or (ON_CUDA if on_gpu else SIZES):
        pixels = size[0] * size[1]
        if bench.quick and pixels > LARGEST_PLAIN:
            continue
        picture = bench.prepared / f"{size[0]}x{size[1]}.jpg"
        picture.write_bytes(encode(fill(tile, size), picture.suffix))
        ours = [
            _row(
                f"{_label(size)}, width 1",
                partial(_measure_ours, picture, find_model(DEFAULT), bench, to_file=True),
                size,
                1.0,
            ),
            _row(
                f"{_label(size)}, width {HALF}",
                partial(_measure_ours, picture, small, bench, to_file=False),
                size,
                HALF,
            ),
        ]
        ours[1] = replace(ours[1], sibling=ours[0].name)
        if on_gpu:
            ours.append(
                _row(f"{_label(size)}, width 1, network alone", partial(_measure_network, picture, bench), size, 1.0)
            )
        if pixels <= LARGEST_PLAIN or on_gpu:
            way = _row(f"{_label(size)}, plain", partial(_measure_plain, picture, bench), size, 1.0)
            ours = [replace(way, dtype=torch.float32), *(replace(row, baseline=way.name) for row in ours)]
        result += ours
    return result + [_clip_row(size, tile, bench) for size in (() if bench.sizes else CLIPS)]


def _clip_row(size: Size, tile: Image.Image, bench: Bench) -> Row:
    frame = np.asarray(fill(tile, size))
    measure = partial(_measure_clip, frame, bench)
    return _row(f"frame of a clip, {_label(size)}, {CLIP_MODEL}", measure, size, HALF)


def _row(name: str, measure: Callable[[], Sample], size: Size, width: float) -> Row:
    pixels = size[0] * size[1]
    flop = plain.paint_flop(width) * pixels
    return Row(
        subject=SUBJECT, name=name, measure=measure, images=1, pixels=pixels, flop=flop, once=pixels > LARGEST_REPEATED
    )


def _label(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def fill(tile: Image.Image, size: Size) -> Image.Image:
    """Fill a picture of a given size with copies of a photograph, every other one mirrored, so that no seams show."""
    mirrored, flipped = ImageOps.mirror(tile), ImageOps.flip(tile)
    both = ImageOps.flip(mirrored)
    picture = Image.new("RGB", size)
    for row, y in enumerate(range(0, size[1], tile.height)):
        for column, x in enumerate(range(0, size[0], tile.width)):
            picture.paste(((tile, mirrored), (flipped, both))[row % 2][column % 2], (x, y))
    return picture


def _largest(photos: list[Path]) -> Image.Image:
    """Return the photograph with the largest file, as an estimate of the most detail that decodes no others."""
    return read_picture(max(photos, key=lambda path: path.stat().st_size)).over_white()


def _measure_plain(picture: Path, bench: Bench) -> Sample:
    device = torch.device(bench.device)
    network = load_model(find_model(DEFAULT))[0].to(device).to(memory_format=torch.contiguous_format)
    return _measure(lambda array: plain.paint(network, array, device), _decode(picture), bench)


def _measure_ours(picture: Path, model: Path, bench: Bench, *, to_file: bool) -> Sample:
    stylizer = nstyle.load(model, device=bench.device)
    style = stylizer.styles[0]
    sample = _measure(lambda array: stylizer.stylize(array, style), _decode(picture), bench)
    if not to_file:
        return sample
    return replace(sample, file_seconds=shell_to_file(picture, style, bench))


def _measure_clip(frame: npt.NDArray[np.uint8], bench: Bench) -> Sample:
    stylizer = nstyle.load(CLIP_MODEL, device=bench.device)
    painter = FramePainter(stylizer, PaintOptions())
    return _measure(lambda array: painter.paint(array, {stylizer.styles[0]: 1.0}), frame, bench)


def _measure_network(picture: Path, bench: Bench) -> Sample:
    """Paint a picture that is on the device, and leave the result there."""
    device = torch.device(bench.device)
    stylizer = nstyle.load(DEFAULT, device=bench.device)
    mix = torch.eye(len(stylizer.styles), device=device)[:1]
    whole = whole_painter(stylizer.network, device, torch.float16)
    array = _decode(picture)
    there = pad_to_stride(torch.from_numpy(array).permute(2, 0, 1)[None].to(device))
    return _measure(lambda _: paint(stylizer.network, there, mix, whole=whole), array, bench)


def _decode(picture: Path) -> npt.NDArray[np.uint8]:
    return np.array(read_picture(picture).rgb)


def _measure(work: Callable[[npt.NDArray[np.uint8]], object], array: npt.NDArray[np.uint8], bench: Bench) -> Sample:
    device = torch.device(bench.device)
    # Libraries initialize at the first picture. On a CPU, the time for that is negligible beside a large picture.
    small = array.shape[0] * array.shape[1] <= LARGEST_PLAIN or device.type == "cuda"
    work(array if small else array[:256, :256].copy())
    synchronize(device)
    reset_peak_memory(device)
    count, started = 0, time.perf_counter()
    while count == 0 or (time.perf_counter() - started < SECONDS and not bench.quick):
        work(array)
        synchronize(device)
        count += 1
    return Sample(seconds=(time.perf_counter() - started) / count, peak_bytes=peak_memory(device))


def shell_to_file(picture: Path, style: str, bench: Bench) -> float:
    """Time ``nstyle stylize`` from the shell to a PNG."""
    output = picture.with_suffix(".png")
    command = [
        sys.executable,
        "-m",
        "nstyle",
        "stylize",
        str(picture),
        "--model",
        DEFAULT,
        "--style",
        style,
        "--device",
        bench.device,
    ]
    started = time.perf_counter()
    subprocess.run([*command, "--out", str(output), "--overwrite"], check=True, capture_output=True)
    return time.perf_counter() - started
