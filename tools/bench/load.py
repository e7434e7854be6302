"""Time reading photographs: crops per second by the number of workers, and decoding a JPEG at reduced scale."""

import time
from functools import partial
from pathlib import Path

from paint import fill
from PIL import Image
from rows import Bench, Row, Sample
from train import BATCH

from nstyle.data.crops import MAX_ZOOM, CropSampler
from nstyle.data.photos import PhotoIndex
from nstyle.imaging.folders import list_pictures
from nstyle.imaging.pictures import encode, read_picture

SUBJECT = "load"
WORKERS = (1, 2, 4)
UPDATES = 100
"""The number of timed batches."""
LARGE = (4000, 3000)
"""The (width, height) in pixels of the JPEG that is decoded at full and at reduced scale."""
SAMPLE_SIZE = (640, 480)
"""The (width, height) in pixels of the photographs that are made if none are given, as in COCO."""
SAMPLES = ("astronaut", "chelsea", "coffee", "rocket")


def make_photos(folder: Path) -> Path:
    """Write scikit-image's sample photographs to a folder as JPEGs of :data:`SAMPLE_SIZE`."""
    from skimage import data

    for name in SAMPLES:
        (folder / f"{name}.jpg").write_bytes(encode(fill(Image.fromarray(getattr(data, name)()), SAMPLE_SIZE), ".jpg"))
    return folder


def rows(bench: Bench) -> list[Row]:
    """List the rows for the numbers of workers, and for the two ways to decode a large JPEG."""
    photos = list_pictures(bench.photos)
    large = bench.prepared / "large.jpg"
    size = SAMPLE_SIZE if bench.quick else LARGE
    large.write_bytes(encode(fill(read_picture(photos[0]).over_white(), size), ".jpg"))
    near_side = int(MAX_ZOOM * bench.crop)
    crops = [
        Row(
            subject=SUBJECT,
            name=f"crops of {bench.crop} px, {count} worker{'s' * (count > 1)}",
            measure=partial(_crops, PhotoIndex(bench.photos, tuple(photos)), count, bench),
            images=1,
            pixels=bench.crop**2,
            feeds=True,
        )
        for count in WORKERS
    ]
    whole = f"decode a JPEG of {size[0]}x{size[1]}"
    ways: list[tuple[str, int | None, str | None]] = [(whole, None, None), (f"{whole}, reduced", near_side, whole)]
    decoded = [
        Row(
            subject=SUBJECT,
            name=name,
            measure=partial(_decode, large, near, bench),
            images=1,
            pixels=size[0] * size[1],
            sibling=sibling,
        )
        for name, near, sibling in ways
    ]
    return crops + decoded


def _crops(index: PhotoIndex, workers: int, bench: Bench) -> Sample:
    sampler = CropSampler(index, bench.crop, seed=0)
    updates = 4 if bench.quick else UPDATES
    list(sampler.batches(0, 2, BATCH, workers=workers))
    started = time.perf_counter()
    images = sum(len(batch) for batch in sampler.batches(2, 2 + updates, BATCH, workers=workers))
    return Sample(seconds=(time.perf_counter() - started) / images)


def _decode(picture: Path, near_side: int | None, bench: Bench) -> Sample:
    read_picture(picture, near_side=near_side)
    count = 1 if bench.quick else 10
    started = time.perf_counter()
    for _ in range(count):
        size = read_picture(picture, near_side=near_side).rgb.size
    return Sample(seconds=(time.perf_counter() - started) / count, note=f"gives {size[0]}x{size[1]}")
