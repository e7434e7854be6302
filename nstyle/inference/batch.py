"""Stylize files: which pictures, into which files, and what is refused before any work is done."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from itertools import chain
from pathlib import Path

from PIL import Image, ImageChops

from nstyle.distributed import ALONE, Group
from nstyle.errors import NstyleError, UsageError
from nstyle.image import MAX_PIXELS, WRITABLE, Picture, check_pixels, encode, list_pictures, read_picture, resize, resized, write_atomically
from nstyle.inference.masks import Masks
from nstyle.inference.mix import Mix, label, make_mix, parse_weights
from nstyle.inference.stylizer import PaintOptions, Stylizer, load
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
    masks: tuple[str, ...] = ()
    options: PaintOptions = field(default_factory=PaintOptions)
    output: str | None = None
    max_pixels: int = MAX_PIXELS
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
    outputs: tuple[tuple[Mix | None, str], ...]
    sheet: str | None


def stylize_files(
    request: Request,
    notice: Callable[[str], None],
    report: Callable[[str, float], None] = lambda photo, share: None,
    group: Group = ALONE,
) -> Iterator[Result | Failure]:
    """Paint every photograph in every mix that was asked for.

    Args:
        request: What to do.
        notice: Told, in a line each, which model is used, what was normalized and which of several photographs failed.
        report: Told, while a picture is painted, its photograph and which share of the work is done.
        group: The processes that share the photographs. All of them plan the whole before any paints.

    Yields:
        Every picture as it is written, and every photograph that failed; the others are painted all the same. Rank 0 of several
        processes yields at last what the others did.

    Raises:
        UsageError: If something cannot be done as asked; nothing is written then.
        NstyleError: At the end, if a photograph failed.
    """
    ranks = group.ranks
    with group.together():
        path = find_model(request.model)
        stylizer = load(path, device=ranks.place(choose_device(request.device)))
        if request.model is None:
            notice(f"model: {path}")
        masks = _read_masks(request, stylizer)
        jobs = _plan(request, _mixes(request, stylizer, notice), tuple(masks))
        if ranks.size > 1 and STREAM in request.photos:
            raise UsageError(f"standard input goes to one process, but there are {ranks.size}; give the photograph as a file")
    done: list[Result | Failure] = []
    for job in jobs[ranks.rank :: ranks.size]:
        for outcome in _try(job, request, stylizer, masks, report):
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
        raise NstyleError(failures[0].error if len(jobs) == 1 else f"{len(failures)} of {len(jobs)} photographs could not be painted")


def _read_masks(request: Request, stylizer: Stylizer) -> Masks:
    """Read ``NAME=FILE`` masks; what is transparent in a file is outside."""
    masks: dict[str, Image.Image] = {}
    for text in request.masks:
        name, equals, file = text.partition("=")
        if not (equals and file):
            raise UsageError(f"--mask is '{text}'; expected NAME=FILE such as great-wave=sky.png")
        style = match_style(name.strip(), stylizer.styles)
        if style in masks:
            raise UsageError(f"--mask names '{style}' twice; join the masks into one file")
        picture = read_picture(Path(file), max_pixels=request.max_pixels)
        grey = picture.rgb.convert("L")
        masks[style] = grey if picture.alpha is None else ImageChops.multiply(grey, picture.alpha)
    return masks


def _mixes(request: Request, stylizer: Stylizer, notice: Callable[[str], None]) -> list[Mix | None]:
    """Decide what to paint with; None is for pictures that masks cover."""
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
    if request.all_styles and request.masks:
        raise UsageError("--all and --mask were given together; choose one")
    if request.all_styles:
        return [{name: 1.0} for name in names]
    if request.style is not None:
        return [{match_style(request.style, names): 1.0}]
    if not asked and request.masks:
        return [None]
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


def _plan(request: Request, mixes: Sequence[Mix | None], masked: tuple[str, ...]) -> list[_Job]:
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
        outputs = tuple((mix, str(target if as_file else target / f"{stem}_{_label(mix, masked)}{DEFAULT_EXTENSION}")) for mix in mixes)
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


def _label(mix: Mix | None, masked: tuple[str, ...]) -> str:
    """Name what a picture is painted in: its mix, and the styles that have masks."""
    return "+".join([*([label(mix)] if mix else []), *(f"{name}-mask" for name in masked)])


def _try(job: _Job, request: Request, stylizer: Stylizer, masks: Masks, report: Callable[[str, float], None]) -> Iterator[Result | Failure]:
    try:
        yield from _run(job, request, stylizer, masks, report)
    except NstyleError as error:
        yield Failure(job.photo, str(error))


def _run(job: _Job, request: Request, stylizer: Stylizer, masks: Masks, report: Callable[[str, float], None]) -> Iterator[Result]:
    options = request.options
    source = BytesIO(sys.stdin.buffer.read()) if job.photo == STREAM else Path(job.photo)
    picture = read_picture(source, max_pixels=request.max_pixels)
    if options.size is not None:
        check_pixels(f"{job.photo} at --size {options.size}", resized(picture.rgb.size, long_side=options.size), request.max_pixels)
    photo = resize(picture.rgb, long_side=options.size)
    alpha = picture.alpha.resize(photo.size, Image.Resampling.LANCZOS) if picture.alpha is not None else None
    painted: list[tuple[str, Image.Image]] = []
    for mix, output in job.outputs:
        start = time.perf_counter()
        image = stylizer.paint(photo, mix, replace(options, size=None), masks, lambda share: report(job.photo, share))
        _write(output, Picture(image, alpha))
        seconds = time.perf_counter() - start
        if job.sheet is not None:
            painted.append((_label(mix, ()), image))
        yield Result(job.photo, output, mix or {}, image.width, image.height, round(seconds, 3))
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
