"""The experiments of a source made again: ``nstyle.reproduce``."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from nstyle.data.samples import check_photographs, write_photographs, write_styles
from nstyle.data.styles import find_styles
from nstyle.encoders.load import load_encoder_weights
from nstyle.errors import UsageError
from nstyle.imaging.pictures import read_size
from nstyle.reports.folder import check_folder
from nstyle.reports.formats import DEFAULT_FORMATS, check_formats
from nstyle.reproduction.clock import Clock
from nstyle.reproduction.folder import ReproductionFolder
from nstyle.reproduction.page import title, write_page
from nstyle.reproduction.recipe import Exhibit, Materials, Recipe
from nstyle.reproduction.recipes import RECIPES
from nstyle.reproduction.scale import Scale
from nstyle.reproduction.work import Display, Work
from nstyle.system.durations import in_words
from nstyle.system.locks import FolderLock
from nstyle.system.output_folders import output_folder

PICTURES = "pictures"
"""The folder of the samples below that of the reproduction."""


def reproduce(
    name: str,
    *,
    out: str | Path,
    scale: float = 1.0,
    styles: Sequence[str | Path] = (),
    photos: Sequence[str | Path] = (),
    content: str | Path | None = None,
    only: Sequence[str] = (),
    vgg: Sequence[str] = (),
    device: str = "auto",
    formats: Sequence[str] = DEFAULT_FORMATS,
    command: str = "",
    display: Display,
) -> Path:
    """Make the experiments of a source again, and lay its figures and tables beside ours on one page.

    Before anything is made, the time is said that it will take. What is done already is kept, so the same call goes on
    where the last one stopped.

    Args:
        name: The recipe, one of :data:`nstyle.reproduction.recipes.RECIPES`.
        out: The folder of the page and of all work.
        scale: The part of the source's iterations and updates, above 0 and at most 1; see
            :class:`nstyle.reproduction.scale.Scale`.
        styles: The paintings, patterns or folders. Empty: four that come with nstyle.
        photos: The photographs to paint. Empty: scikit-image's.
        content: The folder of photographs to train on. None: the photographs.
        only: The keys of the exhibits to make, such as ``figure-1.3``. Empty for all.
        vgg: The encoders, of which only a recipe that compares them takes more than the first; see
            :func:`nstyle.encoders.load.load_encoder_weights`. Empty: ``NSTYLE_VGG``, else ``imagenet``.
        device: The device to work on.
        formats: The formats of the figures: ``png``, ``svg``, ``pdf``.
        command: The command line that is shown on the page.
        display: Where to show what is done.

    Returns:
        The page.

    Raises:
        UsageError: If there is no such recipe or exhibit, a picture, encoder or setting is invalid, or the folder holds
            something else or is being written by another process.
        NstyleError: If the work fails or is interrupted. What is done stays.
    """
    recipe, chosen_formats, chosen_scale = find_recipe(name), check_formats(formats), Scale(scale)
    folder = check_folder(output_folder(out, "reproduction"), title(recipe))
    encoders = [load_encoder_weights(source or None) for source in vgg or ("",)]
    with FolderLock(folder, subfolders=(PICTURES,)):
        materials = _materials(folder, styles, photos, content, tuple(vgg) or ("",), device, encoders[0].std)
        record = ReproductionFolder.open(folder, recipe, materials, chosen_scale)
        exhibits = choose_exhibits(recipe.exhibits(materials, chosen_scale), only)
        originals = choose_exhibits(recipe.exhibits(materials, Scale()), only)
        record.save()
        _announce(recipe, chosen_scale, exhibits, originals, display)
        for number, work in enumerate(all_work(exhibits), start=1):
            display.notice(f"{number} of {len(all_work(exhibits))}: {work.name}, {work.extent}")
            with record.timed(work.name):
                work.run(folder / work.name, display)
        return write_page(
            record,
            recipe,
            chosen_scale,
            materials,
            exhibits,
            originals,
            samples=not (styles and photos),
            command=command,
            formats=chosen_formats,
        )


def find_recipe(name: str) -> Recipe:
    """Return the recipe of a name.

    Raises:
        UsageError: If there is none.
    """
    if name not in RECIPES:
        raise UsageError(f"there is no recipe '{name}'; expected one of {', '.join(RECIPES)}")
    return RECIPES[name]


def choose_exhibits(exhibits: Sequence[Exhibit], only: Sequence[str]) -> list[Exhibit]:
    """Return the exhibits that were asked for, in their own order, or all.

    Raises:
        UsageError: If one that was asked for does not exist.
    """
    keys = [exhibit.key for exhibit in exhibits]
    unknown = [key for key in only if key not in keys]
    if unknown:
        raise UsageError(f"`only` is {unknown[0]}; expected some of {', '.join(keys)}")
    return [exhibit for exhibit in exhibits if not only or exhibit.key in only]


def all_work(exhibits: Sequence[Exhibit]) -> list[Work]:
    """Return the work of exhibits, each once: several may show the same."""
    return list({work.name: work for exhibit in exhibits for work in exhibit.work}.values())


def _materials(
    folder: Path,
    styles: Sequence[str | Path],
    photos: Sequence[str | Path],
    content: str | Path | None,
    vgg: tuple[str, ...],
    device: str,
    std: Sequence[float],
) -> Materials:
    """Find the pictures, and write the samples that stand in for those that were not given."""
    samples = folder / PICTURES
    if not photos:
        check_photographs(samples)
    paintings = [style.path for style in find_styles(styles)] if styles else list(write_styles(samples).values())
    photographs = [Path(photo) for photo in photos] or write_photographs(samples)
    sizes = tuple(read_size(photograph) for photograph in photographs)
    training = Path(content) if content is not None else photographs[0].parent
    return Materials(tuple(photographs), tuple(paintings), training, vgg, device, sizes, fmean(std))


def _announce(
    recipe: Recipe, scale: Scale, exhibits: Sequence[Exhibit], originals: Sequence[Exhibit], display: Display
) -> None:
    """Say how long the work takes, here and at the source's own length."""
    display.notice(f"timing an update of each kind of the {len(exhibits)} exhibits")
    clock = Clock()
    here = sum(work.seconds(clock) for work in all_work(exhibits))
    there = sum(work.seconds(clock) for work in all_work(originals))
    whole = f" (the source's own length would take {in_words(there)})" if scale.factor < 1 else ""
    display.notice(f"{recipe.name} at scale {scale.factor:g} takes up to {in_words(here)}{whole}; Ctrl-C is safe")
