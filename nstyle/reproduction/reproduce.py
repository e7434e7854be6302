"""The experiments of a source made again: ``nstyle.reproduce``."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from nstyle.encoders.load import load_encoder_weights
from nstyle.errors import UsageError
from nstyle.reports.folder import check_folder
from nstyle.reports.formats import DEFAULT_FORMATS, check_formats
from nstyle.reproduction.clock import Clock
from nstyle.reproduction.figures import amount
from nstyle.reproduction.folder import ReproductionFolder, training_set
from nstyle.reproduction.page import title, write_page
from nstyle.reproduction.pictures import PAINTINGS, PHOTOGRAPHS, Pictures
from nstyle.reproduction.recipe import Exhibit, Recipe
from nstyle.reproduction.recipes import RECIPES
from nstyle.reproduction.scale import Scale
from nstyle.reproduction.work import UNSEEN, Display, Work
from nstyle.system.devices import choose_device
from nstyle.system.durations import in_words
from nstyle.system.interrupts import InterruptedRunError
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
    display: Display = UNSEEN,
) -> Path:
    """Make the experiments of a source again, and show on one page what it found beside what is seen here.

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
        vgg: The encoders: one, or several for a recipe that compares them; see
            :func:`nstyle.encoders.load.load_encoder_weights`. Empty: ``NSTYLE_VGG``, else ``imagenet``.
        device: The device to work on.
        formats: The formats of the figures: ``png``, ``svg``, ``pdf``.
        command: The command line that is shown on the page.
        display: Where to show what is done. By default nothing is shown.

    Returns:
        The page.

    Raises:
        UsageError: If there is no such recipe or exhibit, a picture, encoder or setting is invalid, or the folder holds
            something else or is being written by another process.
        NstyleError: If the work fails or is interrupted. What is done stays.
    """
    recipe, chosen_formats, chosen_scale = find_recipe(name), check_formats(formats), Scale(scale)
    _check_keys(recipe, only)
    if len(vgg) > 1 and not recipe.compares_encoders:
        comparing = ", ".join(name for name, each in RECIPES.items() if each.compares_encoders)
        raise UsageError(f"`vgg` names {len(vgg)} encoders, but {recipe.name} takes one; {comparing} compares several")
    folder = check_folder(output_folder(out, "reproduction"), title(recipe))
    pictures = Pictures.given(folder / PICTURES, styles, photos)
    choose_device(device)
    trained_on = training_set(pictures.index(content, folder)) if recipe.trains(only) else None
    encoders = [load_encoder_weights(source or None) for source in vgg or ("",)]
    with FolderLock(folder, subfolders=[f"{PICTURES}/{kind}" for kind in (PHOTOGRAPHS, PAINTINGS)]):
        given = [*pictures.paintings, *pictures.photos]
        record = ReproductionFolder.open(folder, recipe, chosen_scale, given, encoders, trained_on)
        record.save()
        materials = pictures.materials(content, tuple(vgg) or ("",), device, fmean(encoders[0].std))
        exhibits, originals = (
            [exhibit for exhibit in recipe.exhibits(materials, at) if not only or exhibit.key in only]
            for at in (chosen_scale, Scale())
        )
        _announce(recipe, chosen_scale, folder, exhibits, originals, display)
        _do(all_work(exhibits), record, display)
        return write_page(
            record,
            recipe,
            chosen_scale,
            materials,
            exhibits,
            originals,
            stand_ins=pictures.stand_ins,
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


def _check_keys(recipe: Recipe, only: Sequence[str]) -> None:
    """Check that exhibits exist.

    Raises:
        UsageError: If one does not.
    """
    unknown = [key for key in only if key not in recipe.titles]
    if unknown:
        raise UsageError(f"`only` is {unknown[0]}; expected some of {', '.join(recipe.titles)}")


def all_work(exhibits: Sequence[Exhibit]) -> list[Work]:
    """Return the work of exhibits, each once: several may show the same."""
    return list({work.name: work for exhibit in exhibits for work in exhibit.work}.values())


def _do(works: Sequence[Work], record: ReproductionFolder, display: Display) -> None:
    """Do all work, from where it stopped.

    Raises:
        NstyleError: If it fails or is interrupted.
    """
    for number, work in enumerate(works, start=1):
        if work.lack:
            display.notice(f"{number} of {len(works)}: {work.name} cannot be made: {work.lack}")
            continue
        display.notice(f"{number} of {len(works)}: {work.name}, {work.extent}{work.shortage}")
        try:
            with record.timed(work.name):
                work.run(record.path / work.name, display)
        except InterruptedRunError as error:
            raise InterruptedRunError(
                f"stopped in {work.name}; what is done is kept, and the same command goes on", error.signal_number
            ) from error


def _announce(
    recipe: Recipe,
    scale: Scale,
    folder: Path,
    exhibits: Sequence[Exhibit],
    originals: Sequence[Exhibit],
    display: Display,
) -> None:
    """Say how long the work takes that is not done yet, here and at the source's own length."""
    possible = [work for work in all_work(exhibits) if not work.lack]
    left = {work.name: work for work in possible if not work.is_done(folder / work.name)}
    if not left:
        return
    display.notice(f"timing an update of each kind of {amount(len(exhibits), 'exhibit')}")
    clock = Clock()
    here = sum(work.seconds(clock) for work in left.values())
    there = sum(work.seconds(clock) for work in all_work(originals) if work.name in left)
    what = "" if len(left) == len(possible) else ", for what is not done yet"
    what += ", without measuring the networks" if any(work.trains for work in left.values()) else ""
    whole = f" (the source's own length would take {in_words(there)})" if scale.factor < 1 else ""
    display.notice(f"{recipe.name} at scale {scale.factor:g} takes up to {in_words(here)}{what}{whole}; Ctrl-C is safe")
