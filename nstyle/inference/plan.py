"""Plan which pictures are painted in which mixes and into which files, and refuse invalid requests before any work is
done."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from nstyle.errors import UsageError
from nstyle.imaging.folders import Found, pictures_named
from nstyle.imaging.formats import WITH_QUALITY, WRITABLE
from nstyle.imaging.writable import check_writable
from nstyle.inference.masks import Masks, read_mask
from nstyle.inference.mix import Mix, label, make_mix, parse_weights
from nstyle.inference.moving import NOTHING_MOVES, MovingPictures
from nstyle.inference.options import Request
from nstyle.inference.output_names import name_outputs
from nstyle.inference.painter import ModelNames
from nstyle.models.style_names import match_style, shipped_hint

STREAM = "-"
"""The file name that stands for standard input or output."""
SHEET = "all"
"""The label of a contact sheet."""


@dataclass(frozen=True)
class Output:
    """One picture to paint."""

    mix: Mix | None
    """The mix; None where masks cover everything."""
    path: str
    """The file to write."""
    is_there: bool = False
    """Whether the file exists and is left as it is."""


@dataclass(frozen=True)
class Job:
    """One photograph and the files to write for it."""

    photo: str
    outputs: tuple[Output, ...]
    sheet: str | None
    moves: bool = False
    """Whether the photograph is painted as a clip."""

    @property
    def files(self) -> list[str]:
        """All files of the job."""
        return [*(output.path for output in self.outputs), *([self.sheet] if self.sheet else [])]

    @property
    def to_paint(self) -> int:
        """The number of pictures that are not there yet."""
        return sum(not output.is_there for output in self.outputs)


def read_masks(request: Request, model: ModelNames) -> Masks:
    """Read masks given as ``NAME=FILE``; see :func:`read_mask`."""
    masks: dict[str, Image.Image] = {}
    for text in request.masks:
        name, equals, file = text.partition("=")
        if not (equals and file):
            raise UsageError(f"`masks` is '{text}'; expected NAME=FILE such as great-wave=sky.png")
        style = match_style(name.strip(), model.styles, model.name)
        if style in masks:
            raise UsageError(f"`masks` names '{style}' twice; join the masks into one file")
        masks[style] = read_mask(file, max_pixels=request.max_pixels)
    return masks


def choose_mixes(request: Request, model: ModelNames, notice: Callable[[str], None]) -> list[Mix | None]:
    """Choose the mixes to paint in; None stands for a picture that the masks cover completely."""
    names = model.styles
    asked = [
        option
        for option, value in (
            ("`all_styles`", request.all_styles),
            ("`style`", request.style),
            ("`weights`/`styles`", request.weights or request.styles),
        )
        if value
    ]
    if len(asked) > 1:
        raise UsageError(f"{asked[0]} and {asked[1]} were given together; choose one")
    if request.all_styles and request.masks:
        raise UsageError("`all_styles` and `masks` were given together; choose one")
    if request.all_styles:
        return [{name: 1.0} for name in names]
    if request.style is not None:
        return [{match_style(request.style, names, model.name): 1.0}]
    if not asked and request.masks:
        return [None]
    if not asked and len(names) > 1:
        raise UsageError(
            f"{model.name} has {len(names)} styles; choose with `style`, `weights` or `all_styles` among "
            f"{', '.join(names)}{shipped_hint(model.name)}"
        )
    weights = parse_weights(request.weights) if request.weights is not None else None
    chosen = [part for part in request.styles.split(",") if part.strip()] if request.styles is not None else None
    mix = make_mix(names, weights, chosen, model.name)
    total = sum(weights.values() if isinstance(weights, dict) else weights) if weights is not None else 1.0
    if abs(total - 1) > 1e-6:
        parts = ", ".join(f"{name}={value:.4g}" for name, value in mix.items())
        what = f"the weights sum to {total:g} and" if math.isfinite(total) else "the weights"
        notice(f"{what} were normalized to sum 1: {parts}")
    return [mix]


def plan_jobs(
    request: Request,
    mixes: Sequence[Mix | None],
    masked: tuple[str, ...],
    notice: Callable[[str], None] = lambda text: None,
    moving: MovingPictures = NOTHING_MOVES,
) -> list[Job]:
    """Choose every output file, and refuse files that collide or that would overwrite others.

    Args:
        request: What to do.
        mixes: The mixes to paint every photograph in.
        masked: The styles that have masks.
        notice: Called with one line if files exist and are left as they are.
        moving: What knows about clips.
    """
    photos = moving.keep(_photos(request.photos, moving.extensions, request.out))
    clips = [moving.extension(photo.path) for photo in photos]
    moving.check(request, clips)
    single = len(photos) == 1 and len(mixes) == 1
    to_stream = request.out == STREAM or (request.out is None and request.photos == (STREAM,))
    if to_stream and not single:
        raise UsageError(
            f"standard output takes one picture, but {len(photos) * len(mixes)} were asked for; give a folder with "
            "`out`"
        )
    if to_stream and request.as_json:
        raise UsageError("`as_json` and the picture both want standard output; give a file with `out`")
    if to_stream and clips[0]:
        raise UsageError("standard output takes no clip; give a file with `out`")
    target = Path(request.out) if request.out is not None else Path()
    writable = sorted({*moving.writable, *WRITABLE} if not single else moving.writable if clips[0] else WRITABLE)
    as_file = request.out is not None and not target.is_dir() and target.suffix.lower() in writable
    if not all(clips):
        _check_format(request, target.suffix if as_file and single else request.extension)
    if to_stream:
        return [Job(str(photos[0].path), (Output(mixes[0], STREAM),), None)]
    if as_file and not single:
        raise UsageError(
            f"`out` is the file {target}, but {len(photos) * len(mixes)} pictures were asked for; give a folder"
        )
    if single and not as_file and request.photos == (STREAM,) and target.suffix.lower() in moving.writable:
        raise UsageError(f"`out` is {target}, but standard input gives no clip; give the clip as a file")
    if (not as_file and target.is_file()) or (single and target.suffix and not target.is_dir() and not as_file):
        raise UsageError(f"`out` is {target}; expected a folder, or a file ending in {', '.join(writable)}")
    if as_file:
        jobs = [Job(str(photos[0].path), (Output(mixes[0], str(target)),), None, bool(clips[0]))]
    else:
        labels = [moving.label or label_of(mix, masked) for mix in mixes]
        jobs = _into_folder(target, photos, clips, mixes, labels, request)
    return _without_existing(jobs, request, notice)


def _into_folder(
    target: Path,
    photos: list[Found],
    clips: list[str],
    mixes: Sequence[Mix | None],
    labels: list[str],
    request: Request,
) -> list[Job]:
    sheet = SHEET if SHEET not in labels else f"{SHEET}-styles"  # A style may be called so.
    names = name_outputs(photos, [*labels, *([sheet] if request.all_styles else [])], request.extension)
    jobs = []
    for photo, clip, files in zip(photos, clips, names, strict=True):
        paths = [str(target / (file.with_suffix(clip) if clip else file)) for file in files]
        outputs = tuple(Output(mix, path) for mix, path in zip(mixes, paths, strict=False))
        jobs.append(Job(str(photo.path), outputs, paths[-1] if request.all_styles and not clip else None, bool(clip)))
    return jobs


def _check_format(request: Request, extension: str) -> None:
    """Refuse an extension of another format than was asked for, one that cannot be written, and a quality where there
    is none."""
    kind = WRITABLE[extension.lower()]
    if request.format is not None and kind != WRITABLE[request.extension]:
        raise UsageError(f"`out` is {request.out}, but `format` is {request.format}; give one of them")
    check_writable(extension)
    if request.quality is not None and kind not in WITH_QUALITY:
        raise UsageError(f"`quality` is for JPEG, WebP and AVIF, but {kind} would be written; give `format` jpg")


def _photos(arguments: tuple[str, ...], also: frozenset[str], out: str | None) -> list[Found]:
    """Find the photographs. What lies in an output folder below a folder of them is no photograph."""
    photos: dict[Path, Found] = {}
    for argument in arguments:
        found = [Found(Path(STREAM))] if argument == STREAM else pictures_named(argument, also)
        if out is not None and Path(argument).is_dir() and _is_below(Path(out), Path(argument)):
            found = [photo for photo in found if not _is_below(photo.path, Path(out))]
        if not found and Path(argument).is_dir():
            raise UsageError(f"the folder {argument} holds no pictures; expected JPEG, PNG, WebP or TIFF files")
        if not found:
            raise UsageError(f"{argument}: no such file; expected a photograph, a folder or a pattern such as '*.jpg'")
        for photo in found:
            photos.setdefault(photo.path, photo)
    return list(photos.values())


def _is_below(path: Path, folder: Path) -> bool:
    return folder.resolve() in path.resolve().parents


def _without_existing(jobs: list[Job], request: Request, notice: Callable[[str], None]) -> list[Job]:
    """Refuse what would overwrite a photograph or an existing file, and mark or drop what is left as it is."""
    sources = {os.path.realpath(job.photo): job.photo for job in jobs if job.photo != STREAM}
    over_source = [path for job in jobs for path in job.files if os.path.realpath(path) in sources]
    if over_source:
        raise UsageError(f"{over_source[0]} is to be read; choose another `out`")
    if request.overwrite and request.skip_existing:
        raise UsageError("`overwrite` and `skip_existing` were given together; choose one")
    existing = {path for job in jobs for path in job.files if os.path.exists(path)}  # noqa: PTH110  # Unlike Path.exists, it never raises.
    if not existing or request.overwrite:
        return jobs
    if not request.skip_existing:
        first = next(path for job in jobs for path in job.files if path in existing)
        raise UsageError(
            f"{first} exists; give `overwrite` to replace it, `skip_existing` to paint what is missing, or another "
            "`out`"
        )
    remade = {job.sheet for job in jobs if not existing.issuperset(output.path for output in job.outputs)}
    total = sum(len(job.files) for job in jobs)
    notice(f"{len(existing - remade)} of {total} pictures exist and are left as they are")
    marked = [
        replace(job, outputs=tuple(replace(output, is_there=output.path in existing) for output in job.outputs))
        for job in jobs
    ]
    return [job for job in marked if not existing.issuperset(job.files)]


def label_of(mix: Mix | None, masked: tuple[str, ...]) -> str:
    """Return a label of a picture's mix and of the styles that have masks."""
    return "+".join([*([label(mix)] if mix else []), *(f"{name}-mask" for name in masked)])
