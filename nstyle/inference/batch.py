"""Stylize files: which pictures, into which files, and what is refused before any work is done."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from PIL import Image

from nstyle.errors import NstyleError, UsageError
from nstyle.image import WRITABLE, Picture, encode, list_pictures, read_picture, resize, write_atomically
from nstyle.inference.mix import Mix, label, make_mix, parse_weights
from nstyle.inference.stylizer import KeepColor, Stylizer, check_options, load
from nstyle.layout import contact_sheet
from nstyle.models.device import choose_device
from nstyle.models.locate import find_model
from nstyle.models.style_names import match_style

STREAM = "-"
"""Standard input or output."""
DEFAULT_EXTENSION = ".png"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asked for; see ``nstyle stylize --help``."""

    photos: tuple[str, ...]
    model: str | None = None
    weights: str | None = None
    styles: str | None = None
    style: str | None = None
    all_styles: bool = False
    strength: float = 1.0
    output: str | None = None
    size: int | None = None
    keep_color: KeepColor | None = None
    overwrite: bool = False
    device: str = "cpu"
    report_on_stdout: bool = False


@dataclass(frozen=True)
class Result:
    """One picture that was written."""

    photo: str
    output: str
    weights: Mix = field(repr=False)
    width: int
    height: int
    seconds: float


@dataclass(frozen=True)
class Failure:
    """One photograph that could not be read or whose pictures could not be written."""

    photo: str
    error: str


@dataclass(frozen=True)
class _Job:
    """One photograph and the files to write for it."""

    photo: str
    outputs: tuple[tuple[Mix, str], ...]
    sheet: str | None


def stylize_files(request: Request, notice: Callable[[str], None]) -> Iterator[Result | Failure]:
    """Paint every photograph in every mix that was asked for.

    Args:
        request: What to do.
        notice: Told, in a line each, which model is used and what was normalized.

    Yields:
        Every picture as it is written, and every photograph that failed; the others are painted all the same.

    Raises:
        UsageError: If something cannot be done as asked; nothing is written then.
        NstyleError: At the end, if a photograph failed.
    """
    path = find_model(request.model)
    stylizer = load(path, device=choose_device(request.device))
    if request.model is None:
        notice(f"model: {path}")
    mixes = _mixes(request, stylizer, notice)
    check_options(request.strength, request.keep_color, request.size)
    jobs = _plan(request, mixes)
    failures = []
    for job in jobs:
        try:
            yield from _run(job, request, stylizer)
        except NstyleError as error:
            failures.append(Failure(job.photo, str(error)))
            yield failures[-1]
            if len(jobs) > 1:
                notice(str(error))
    if failures:
        raise NstyleError(failures[0].error if len(jobs) == 1 else f"{len(failures)} of {len(jobs)} photographs could not be painted")


def _mixes(request: Request, stylizer: Stylizer, notice: Callable[[str], None]) -> list[Mix]:
    names = stylizer.styles
    asked = [
        option
        for option, value in (
            ("--all", request.all_styles),
            ("--style", request.style),
            ("--weights/--styles", request.weights or request.styles),
        )
        if value
    ]
    if len(asked) > 1:
        raise UsageError(f"{asked[0]} and {asked[1]} were given together; choose one")
    if request.all_styles:
        return [{name: 1.0} for name in names]
    if request.style is not None:
        return [{match_style(request.style, names): 1.0}]
    if not asked and len(names) > 1:
        raise UsageError(f"the model has {len(names)} styles; choose with --style, --weights or --all among {', '.join(names)}")
    weights = parse_weights(request.weights) if request.weights is not None else None
    chosen = [part for part in request.styles.split(",") if part.strip()] if request.styles is not None else None
    mix = make_mix(names, weights, chosen)
    total = sum(weights.values() if isinstance(weights, dict) else weights) if weights is not None else 1.0
    if abs(total - 1) > 1e-6:
        parts = ", ".join(f"{name}={value:.4g}" for name, value in mix.items())
        notice(f"the weights sum to {total:g} and were normalized to sum 1: {parts}")
    return [mix]


def _plan(request: Request, mixes: list[Mix]) -> list[_Job]:
    """Decide every output file, and refuse what would collide or overwrite."""
    photos = _photos(request.photos)
    single = len(photos) == 1 and len(mixes) == 1
    to_stream = request.output == STREAM or (request.output is None and photos == [STREAM])
    if to_stream and not single:
        raise UsageError(f"standard output takes one picture, but {len(photos) * len(mixes)} were asked for; give a folder with --output")
    if to_stream and request.report_on_stdout:
        raise UsageError("--json and the picture both want standard output; give a file with --output")
    if to_stream:
        return [_Job(photos[0], ((mixes[0], STREAM),), None)]
    target = Path(request.output) if request.output is not None else Path()
    as_file = request.output is not None and not target.is_dir() and target.suffix.lower() in WRITABLE
    if as_file and not single:
        raise UsageError(f"--output is the file {target}, but {len(photos) * len(mixes)} pictures were asked for; give a folder")
    if (not as_file and target.is_file()) or (single and target.suffix and not target.is_dir() and not as_file):
        raise UsageError(f"--output is {target}; expected a folder, or a file ending in {', '.join(sorted(WRITABLE))}")
    jobs = []
    for photo in photos:
        stem = "stdin" if photo == STREAM else Path(photo).stem
        outputs = tuple((mix, str(target if as_file else target / f"{stem}_{label(mix)}{DEFAULT_EXTENSION}")) for mix in mixes)
        sheet = str(target / f"{stem}_all{DEFAULT_EXTENSION}") if request.all_styles else None
        jobs.append(_Job(photo, outputs, sheet))
    _refuse_collisions(jobs, overwrite=request.overwrite)
    return jobs


def _photos(arguments: tuple[str, ...]) -> list[str]:
    photos: list[str] = []
    for argument in arguments:
        if argument != STREAM and Path(argument).is_dir():
            found = [str(path) for path in list_pictures(Path(argument))]
            if not found:
                raise UsageError(f"the folder {argument} holds no pictures; expected JPEG, PNG, WebP or TIFF files")
            photos += found
        elif argument != STREAM and not Path(argument).exists():
            raise UsageError(f"{argument}: no such file; expected a photograph or a folder of them")
        else:
            photos.append(argument)
    return photos


def _refuse_collisions(jobs: list[_Job], *, overwrite: bool) -> None:
    files = [path for job in jobs for path in (*(output for _, output in job.outputs), *([job.sheet] if job.sheet else []))]
    twice = [path for path, count in Counter(files).items() if count > 1]
    if twice:
        raise UsageError(f"two photographs would both be written to {twice[0]}; stylize them into different folders")
    sources = {Path(job.photo).resolve() for job in jobs if job.photo != STREAM}
    over_source = [path for path in files if Path(path).resolve() in sources]
    if over_source:
        raise UsageError(f"{over_source[0]} is a photograph to be read; choose another --output")
    existing = [path for path in files if Path(path).exists()]
    if existing and not overwrite:
        raise UsageError(f"{existing[0]} exists; give --overwrite to replace it, or another --output")


def _run(job: _Job, request: Request, stylizer: Stylizer) -> Iterator[Result]:
    picture = read_picture(BytesIO(sys.stdin.buffer.read()) if job.photo == STREAM else Path(job.photo))
    photo = resize(picture.rgb, long_side=request.size)
    alpha = picture.alpha.resize(photo.size, Image.Resampling.LANCZOS) if picture.alpha is not None else None
    painted: list[tuple[str, Image.Image]] = []
    for mix, output in job.outputs:
        start = time.perf_counter()
        image = stylizer.paint(photo, mix, strength=request.strength, keep_color=request.keep_color)
        _write(output, Picture(image, alpha))
        seconds = time.perf_counter() - start
        if job.sheet is not None:
            painted.append((label(mix), image))
        yield Result(job.photo, output, mix, image.width, image.height, round(seconds, 3))
    if job.sheet is not None:
        sheet = contact_sheet(painted)
        write_atomically(Path(job.sheet), encode(sheet, Path(job.sheet).suffix))
        yield Result(job.photo, job.sheet, {}, sheet.width, sheet.height, 0.0)


def _write(output: str, picture: Picture) -> None:
    image = picture.rgb
    if picture.alpha is not None:
        image = image.copy()
        image.putalpha(picture.alpha)
    if output == STREAM:
        sys.stdout.buffer.write(encode(image, DEFAULT_EXTENSION))
        sys.stdout.buffer.flush()
    else:
        write_atomically(Path(output), encode(image, Path(output).suffix))
