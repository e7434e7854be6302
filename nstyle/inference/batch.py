"""Stylize files: every photograph in every mix, in order, reading and writing while a GPU paints."""

import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

from PIL import Image

from nstyle.errors import NstyleError, UsageError
from nstyle.imaging.layout import contact_sheet, fit
from nstyle.imaging.picture import Picture
from nstyle.imaging.pictures import read_picture
from nstyle.imaging.writable import check_fits
from nstyle.inference.backends import open_painter
from nstyle.inference.masks import Masks
from nstyle.inference.moving import NOTHING_MOVES, MovingPictures
from nstyle.inference.options import Request
from nstyle.inference.painter import ModelNames, Painter
from nstyle.inference.plan import STREAM, Job, choose_mixes, label_of, plan_jobs, read_masks
from nstyle.inference.reading import Reader
from nstyle.inference.writing import Failure, Painted, Result, Writer
from nstyle.models.locate import describe_model, find_model, is_shipped
from nstyle.models.model_info import read_info
from nstyle.system.interrupts import InterruptedRunError
from nstyle.system.processes import ALONE, Group

MOST_ENCODERS = 4
"""The largest number of threads that encode pictures for a GPU, which paints many times as fast as one thread
encodes."""


@dataclass(frozen=True)
class PaintStatus:
    """How far the pictures of this process are."""

    photo: str
    share: float
    """The share of the picture that is done, in [0, 1]."""
    index: int
    """The number of pictures that come before it."""
    total: int
    """The number of all pictures."""
    frames: int = 0
    """The number of its frames that are painted, if it is a clip."""

    @property
    def done(self) -> int:
        """The number of pictures that are painted, or that failed."""
        return self.index + (self.share >= 1)


def stylize_files(
    request: Request,
    notice: Callable[[str], None],
    progress: Callable[[PaintStatus], None] = lambda status: None,
    group: Group = ALONE,
    moving: MovingPictures = NOTHING_MOVES,
) -> Iterator[Result | Failure]:
    """Paint every photograph in every requested mix.

    While a GPU paints a picture, the next photograph is decoded, and the previous pictures are encoded and written.
    If the function ends early, for example by Ctrl-C, no file is left half written and no thread is left running.

    Args:
        request: What to do.
        notice: Called with one line if the newest run is used without being asked for, for normalized weights and for
            each failed photograph.
        progress: Called at the start of every picture, while it is painted, and when it is painted.
        group: The processes that share the photographs. Each of them plans all the work before any of them paints.
        moving: What paints clips.

    Yields:
        Every picture once it is written, and every photograph that failed, in the order of the request. A failure does
        not stop the other photographs. With several processes, rank 0 finally yields the outcomes of the others.

    Raises:
        UsageError: If something cannot be done as requested; nothing is written in that case.
        NstyleError: At the end, if a photograph failed.
    """
    ranks = group.ranks
    with group.together():
        path = find_model(request.model)
        model = ModelNames(read_info(path).styles, describe_model(path))
        if request.model is None and not is_shipped(path):
            notice(f"painting with {model.name}, the newest run")
        masks = read_masks(request, model)
        mixes = moving.mixes(request, model) or choose_mixes(request, model, notice)
        jobs = plan_jobs(request, mixes, tuple(masks), notice, moving)
        if ranks.size > 1 and STREAM in request.photos:
            raise UsageError(
                f"standard input goes to one process, but there are {ranks.size}; give the photograph as a file"
            )
        painter = open_painter(path, request, jobs, ranks, notice)
    done: list[Result | Failure] = []
    own = jobs[ranks.rank :: ranks.size]
    with closing(_paint_jobs(own, request, painter, masks, moving, progress)) as outcomes:
        for outcome in outcomes:
            done.append(outcome)
            yield outcome
            if isinstance(outcome, Failure) and len(jobs) > 1:
                notice(outcome.error)
    shares = group.gather_objects(done)
    if ranks.is_first:
        for outcome in chain(*shares[1:]):
            yield outcome
            if isinstance(outcome, Failure):
                notice(outcome.error)
    failures = [outcome for outcome in chain(*shares) if isinstance(outcome, Failure)]
    if failures:
        are_requests = all(failure.exit_status == UsageError.exit_status for failure in failures)
        raise (UsageError if are_requests else NstyleError)(
            failures[0].error if len(jobs) == 1 else f"{len(failures)} of {len(jobs)} files could not be painted"
        )


def encoders_beside(device: object) -> int:
    """Choose how many threads encode pictures while a device paints; 0 for a CPU.

    Painting on a CPU uses all cores, and all of them wait for a core that also decodes or encodes: on two cores, a
    folder of 24 photographs of 0.1 megapixels took a third longer with such threads.
    """
    return 0 if str(device) == "cpu" else min(MOST_ENCODERS, os.cpu_count() or 1)


def _paint_jobs(
    jobs: Sequence[Job],
    request: Request,
    painter: Painter,
    masks: Masks,
    moving: MovingPictures,
    progress: Callable[[PaintStatus], None],
) -> Generator[Result | Failure, None, None]:
    """Paint every job and yield its outcomes, in order."""
    painter.settle_device()
    encoders = encoders_beside(painter.device)
    photos, options = [job.photo for job in jobs if not job.moves], request.options
    index, total = 0, sum(job.to_paint for job in jobs)
    reader = Reader(photos, options, request.max_pixels, moving, keep_place=request.keep_place, ahead=encoders > 0)
    with reader, Writer(encoders, stream_format=request.extension, quality=request.quality) as writer:
        for job in jobs:
            try:
                tell = partial(_tell, progress, job.photo, index, total)
                if job.moves:
                    yield from writer.results(rest=True)
                    yield from _paint_clip(job, request, painter, masks, moving, tell)
                else:
                    yield from _paint_job(job, reader.take(), request, painter, masks, tell, writer)
            except InterruptedRunError:
                raise
            except Exception as error:  # A single photograph may raise anything, and does not stop the others.
                yield from writer.results(rest=True)
                if not writer.failed(job.photo):
                    yield Failure.of(job.photo, error)
            index += job.to_paint
        yield from writer.results(rest=True)


def _tell(
    progress: Callable[[PaintStatus], None],
    photo: str,
    before: int,
    total: int,
    number: int,
    share: float,
    frames: int = 0,
) -> None:
    progress(PaintStatus(photo, share, before + number, total, frames))


def _paint_clip(
    job: Job,
    request: Request,
    painter: Painter,
    masks: Masks,
    moving: MovingPictures,
    tell: Callable[..., None],
) -> Iterator[Result]:
    """Paint a clip in its mixes, and yield each once it is written."""
    to_paint = [output for output in job.outputs if not output.is_there]
    stylizer = painter.with_torch("clips")
    for number, output in enumerate(to_paint):
        tell(number, 0.0)
        start, frames = time.perf_counter(), 0

        def show(painted: int, share: float, number: int = number) -> None:
            nonlocal frames
            frames = painted
            tell(number, share, painted)

        width, height = moving.paint(job.photo, output.path, output.mix, request, stylizer, masks, show)
        tell(number, 1.0, frames)
        seconds = round(time.perf_counter() - start, 3)
        yield Result(job.photo, output.path, output.mix or {}, width, height, seconds)


def _paint_job(
    job: Job,
    photo: Picture,
    request: Request,
    painter: Painter,
    masks: Masks,
    tell: Callable[[int, float], None],
    writer: Writer,
) -> Iterator[Result | Failure]:
    """Paint a photograph in its mixes, pass the pictures to the writer, and yield the results that are ready."""
    for output in job.outputs:
        check_fits(photo.rgb.size, request.extension if output.path == STREAM else Path(output.path).suffix)
    options = replace(request.options, size=None)
    thumbnails: list[tuple[str, Image.Image]] = []
    painted = 0
    for output in job.outputs:
        if writer.failed(job.photo):
            return
        if output.is_there:
            if job.sheet is not None:
                thumbnails.append((label_of(output.mix, ()), fit(read_picture(Path(output.path)).over_white())))
            continue
        tell(painted, 0.0)
        start = time.perf_counter()
        image = painter.paint(photo.rgb, output.mix, options, masks, partial(tell, painted))
        seconds = time.perf_counter() - start
        tell(painted, 1.0)
        painted += 1
        if job.sheet is not None:
            thumbnails.append((label_of(output.mix, ()), fit(Picture(image, photo.alpha).over_white())))
        what = Painted(job.photo, output.path, output.mix or {}, image.width, image.height, seconds)
        writer.put(what, Picture(image, photo.alpha, photo.about))
        del image  # The writer frees it as soon as it is encoded.
        yield from writer.results()
    if job.sheet is not None:
        sheet = contact_sheet(thumbnails)
        writer.put(Painted(job.photo, job.sheet, {}, sheet.width, sheet.height, 0.0), Picture(sheet, None))
