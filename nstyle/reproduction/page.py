"""The page of a reproduction: each figure or table of the source, what is seen there, and what came of it here."""

from collections.abc import Sequence
from pathlib import Path

from nstyle.reconstruction.sweep import SUMMARY
from nstyle.reports.folder import write_folder
from nstyle.reports.formats import Format
from nstyle.reports.page import Section, Table
from nstyle.reproduction.figures import not_made
from nstyle.reproduction.folder import ReproductionFolder
from nstyle.reproduction.recipe import Exhibit, Materials, Recipe, Shown
from nstyle.reproduction.results import Results
from nstyle.reproduction.scale import LEAST_STEPS, Scale
from nstyle.system.durations import in_words


def write_page(
    folder: ReproductionFolder,
    recipe: Recipe,
    scale: Scale,
    materials: Materials,
    exhibits: Sequence[Exhibit],
    originals: Sequence[Exhibit],
    *,
    stand_ins: str,
    command: str,
    formats: Sequence[Format],
) -> Path:
    """Write the page with its figures and tables.

    Args:
        folder: The folder, in which the work is done.
        recipe: The recipe.
        scale: How far it was scaled down.
        materials: Which pictures it was made with.
        exhibits: The exhibits to show.
        originals: The same exhibits as the source made them.
        stand_ins: Which samples stand in for the source's pictures, in sentences.
        command: The command that made the reproduction.
        formats: The formats of the figures.

    Returns:
        The page.
    """
    results = Results(folder.path)
    sections = [_summary(recipe, scale, materials, stand_ins)]
    sections += [_section(exhibit, results, scale) for exhibit in exhibits]
    sections.append(_extent(exhibits, originals, folder.seconds, scale))
    numbers = {**folder.identity, "exhibits": [exhibit.key for exhibit in exhibits], "seconds": folder.seconds}
    return write_folder(folder.path, title(recipe), sections, numbers, {}, command, formats)


SHORT = 0.05
"""The scale below which most runs end close to where they start: at 0.05, 500 iterations become 25."""


def title(recipe: Recipe) -> str:
    """Return the title of the page."""
    return f"{recipe.name}: the experiments made again"


def _summary(recipe: Recipe, scale: Scale, materials: Materials, stand_ins: str) -> Section:
    paintings = ", ".join(path.stem for path in materials.paintings)
    photographs = ", ".join(path.stem for path in materials.photos)
    pictures = f"Photographs: {photographs}. Paintings: {paintings}. {stand_ins}".strip()
    lengths = "The last section says how long each experiment is in the source and here" + (
        f": iterations and updates are {scale.factor:g} times the source's, but at least {LEAST_STEPS}."
        if scale.factor < 1
        else ", which is the same."
    )
    if scale.factor < SHORT:
        lengths += (
            " So short runs end close to where they start, those from noise in noise: what agrees with the source and "
            "what does not says little yet."
        )
    text = "\n\n".join([f"{recipe.source}. {recipe.summary}", f"{recipe.departures} {lengths}", pictures])
    return Section("What this is", text)


def _section(exhibit: Exhibit, results: Results, scale: Scale) -> Section:
    sweeps = [work for work in exhibit.work if (results.folder_of(work) / SUMMARY).exists()]
    commands = [run.description["command"] for work in sweeps for run in results.runs(work)]
    nothing = bool(sweeps) and len(sweeps) == len(exhibit.work) and not commands
    failures = [failure for work in sweeps for failure in results.failures(work)]
    lacks = [work.lack for work in exhibit.work if work.lack]
    if lacks:
        shown = Shown(f"Not made: {lacks[0]}.")
    else:
        shown = Shown(not_made(failures)) if nothing else exhibit.here(results)
    here = "Here, in so short a run" if scale.factor < SHORT else "Here"
    text = f"In the source. {exhibit.there}\n\n{here}. {shown.text}"
    return Section(exhibit.title, text, shown.figures, shown.tables, commands)


def _extent(
    exhibits: Sequence[Exhibit], originals: Sequence[Exhibit], seconds: dict[str, float], scale: Scale
) -> Section:
    """List how long every experiment is, in the source and here, and the time that it took."""
    there = {work.name: work.extent for exhibit in originals for work in exhibit.work}
    here = {work.name: work.extent + work.shortage for exhibit in exhibits for work in exhibit.work}
    rows = [[name, there.get(name, ""), extent, in_words(seconds.get(name, 0.0))] for name, extent in here.items()]
    text = f"At scale {scale.factor:g}. Sides of pictures are scaled by its fourth root. Times are of this machine."
    return Section("How far", text, tables=[Table(["experiment", "in the source", "here", "time"], rows)])
