"""Plan which pictures are painted in which mixes and into which files, and refuse invalid requests before any work is
done."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from nstyle.errors import UsageError
from nstyle.imaging.pictures import WRITABLE, list_pictures
from nstyle.inference.masks import Masks, read_mask
from nstyle.inference.mix import Mix, label, make_mix, parse_weights
from nstyle.inference.options import Request
from nstyle.inference.stylizer import Stylizer
from nstyle.models.style_names import match_style, shipped_hint

STREAM = "-"
"""The file name that stands for standard input or output."""
DEFAULT_EXTENSION = ".png"


@dataclass(frozen=True)
class Job:
    """One photograph and the files to write for it."""

    photo: str
    outputs: tuple[tuple[Mix | None, str], ...]
    sheet: str | None


def read_masks(request: Request, stylizer: Stylizer) -> Masks:
    """Read masks given as ``NAME=FILE``; see :func:`read_mask`."""
    masks: dict[str, Image.Image] = {}
    for text in request.masks:
        name, equals, file = text.partition("=")
        if not (equals and file):
            raise UsageError(f"`masks` is '{text}'; expected NAME=FILE such as great-wave=sky.png")
        style = match_style(name.strip(), stylizer.styles, stylizer.name)
        if style in masks:
            raise UsageError(f"`masks` names '{style}' twice; join the masks into one file")
        masks[style] = read_mask(file, max_pixels=request.max_pixels)
    return masks


def choose_mixes(request: Request, stylizer: Stylizer, notice: Callable[[str], None]) -> list[Mix | None]:
    """Choose the mixes to paint in; None stands for a picture that the masks cover completely."""
    names = stylizer.styles
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
        return [{match_style(request.style, names, stylizer.name): 1.0}]
    if not asked and request.masks:
        return [None]
    if not asked and len(names) > 1:
        raise UsageError(
            f"{stylizer.name} has {len(names)} styles; choose with `style`, `weights` or `all_styles` among "
            f"{', '.join(names)}{shipped_hint(stylizer.name)}"
        )
    weights = parse_weights(request.weights) if request.weights is not None else None
    chosen = [part for part in request.styles.split(",") if part.strip()] if request.styles is not None else None
    mix = make_mix(names, weights, chosen, stylizer.name)
    total = sum(weights.values() if isinstance(weights, dict) else weights) if weights is not None else 1.0
    if abs(total - 1) > 1e-6:
        parts = ", ".join(f"{name}={value:.4g}" for name, value in mix.items())
        notice(f"the weights sum to {total:g} and were normalized to sum 1: {parts}")
    return [mix]


def plan_jobs(request: Request, mixes: Sequence[Mix | None], masked: tuple[str, ...]) -> list[Job]:
    """Choose every output file, and refuse files that collide or that would overwrite others."""
    photos = _photos(request.photos)
    single = len(photos) == 1 and len(mixes) == 1
    to_stream = request.out == STREAM or (request.out is None and photos == [STREAM])
    if to_stream and not single:
        raise UsageError(
            f"standard output takes one picture, but {len(photos) * len(mixes)} were asked for; give a folder with "
            "`out`"
        )
    if to_stream and request.as_json:
        raise UsageError("`as_json` and the picture both want standard output; give a file with `out`")
    if to_stream:
        return [Job(photos[0], ((mixes[0], STREAM),), None)]
    target = Path(request.out) if request.out is not None else Path()
    as_file = request.out is not None and not target.is_dir() and target.suffix.lower() in WRITABLE
    if as_file and not single:
        raise UsageError(
            f"`out` is the file {target}, but {len(photos) * len(mixes)} pictures were asked for; give a folder"
        )
    if (not as_file and target.is_file()) or (single and target.suffix and not target.is_dir() and not as_file):
        raise UsageError(f"`out` is {target}; expected a folder, or a file ending in {', '.join(sorted(WRITABLE))}")
    jobs = []
    for photo in photos:
        stem = "stdin" if photo == STREAM else Path(photo).stem
        outputs = tuple(
            (mix, str(target if as_file else target / f"{stem}_{label_of(mix, masked)}{DEFAULT_EXTENSION}"))
            for mix in mixes
        )
        sheet = str(target / f"{stem}_all{DEFAULT_EXTENSION}") if request.all_styles else None
        jobs.append(Job(photo, outputs, sheet))
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


def _refuse_collisions(jobs: list[Job], *, overwrite: bool) -> None:
    files = [
        path for job in jobs for path in (*(output for _, output in job.outputs), *([job.sheet] if job.sheet else []))
    ]
    twice = [path for path, count in Counter(files).items() if count > 1]
    if twice:
        raise UsageError(f"two photographs would both be written to {twice[0]}; stylize them into different folders")
    sources = {Path(job.photo).resolve() for job in jobs if job.photo != STREAM}
    over_source = [path for path in files if Path(path).resolve() in sources]
    if over_source:
        raise UsageError(f"{over_source[0]} is a photograph to be read; choose another `out`")
    existing = [path for path in files if Path(path).exists()]
    if existing and not overwrite:
        raise UsageError(f"{existing[0]} exists; give `overwrite` to replace it, or another `out`")


def label_of(mix: Mix | None, masked: tuple[str, ...]) -> str:
    """Return a label of a picture's mix and of the styles that have masks."""
    return "+".join([*([label(mix)] if mix else []), *(f"{name}-mask" for name in masked)])
