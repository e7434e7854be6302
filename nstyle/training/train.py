"""Training from Python and from the command line: ``nstyle.train`` and ``nstyle.add_style``."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from nstyle.data.styles import StyleFile, check_paintings, find_styles, under_stored_names
from nstyle.encoders.load import load_encoder_weights
from nstyle.errors import UsageError, check_setting
from nstyle.losses.presets import PRESETS, RELATIVE, Preset, for_release, has_releases
from nstyle.models.locate import RUNS, find_model, newest_run
from nstyle.models.model_file import read_info
from nstyle.models.style_names import former_style_name, match_style, shorten
from nstyle.renamed import renamed
from nstyle.settings import check_names, settings_of
from nstyle.system.interrupts import InterruptedRunError
from nstyle.system.processes import ALONE, Group, joined, was_begun
from nstyle.training.config import ADD_STYLE_UPDATES, TrainingConfig
from nstyle.training.kept_targets import check_old_targets
from nstyle.training.run_directory import RunDirectory
from nstyle.training.setup import new_run, resume_run
from nstyle.training.trainer import Progress, Trainer

logger = logging.getLogger(__name__)

PRESET_OVERRIDES = tuple(settings_of(Preset))
"""Settings of a preset that may be given beside it."""
RESUMABLE = (
    *("updates", "content", "validation", "coco_annotations", "vgg", "device", "compile", "workers"),
    "keep_targets",
)
"""The settings that may differ when a run is resumed: its length, the paths of files, the hardware, and what the model
file keeps."""

MOST_BYTES_OF_RUN = 250
"""The length in UTF-8 to which the name of a run is cut; file systems allow 255."""

Callback = Callable[[Progress], None]


@renamed(report="progress")
def train(
    styles: Sequence[str | Path] = (),
    *,
    out: str | Path | None = None,
    resume: bool = False,
    progress: Callback | None = None,
    **settings: Any,
) -> Path:
    """Train one network in n styles.

    Args:
        styles: The paintings, patterns or folders, in the order of the style ids. Optional with ``resume``.
        out: The run directory. None: ``checkpoints/<name of the styles>``, or the newest run with ``resume``.
        resume: Whether to continue a run with its own settings. Only those in :data:`RESUMABLE` may differ.
        progress: A function that is called after every update.
        settings: The fields of :class:`nstyle.training.config.TrainingConfig`, or ``preset`` and overrides of
            :class:`nstyle.losses.presets.Preset` such as ``style_weight``. With ``init_from``, width, grain and
            ``keep_targets`` default to those of that model.

    Returns:
        The run directory.

    Raises:
        UsageError: If a setting, a painting or the photographs are invalid.
        NstyleError: If training fails or is interrupted. Saved files are kept.
    """
    with joined() as group:
        return _to_the_end(prepare_training(styles, out=out, resume=resume, group=group, **settings), progress)


@renamed(report="progress")
def add_style(
    model: str | Path,
    styles: Sequence[str | Path],
    *,
    out: str | Path,
    progress: Callback | None = None,
    **settings: Any,
) -> Path:
    """Append styles to a model by training only their gamma and beta. The outputs of old styles stay bit-identical.

    Args:
        model: The model; see :func:`nstyle.models.locate.find_model`.
        styles: The paintings, patterns or folders.
        out: The run directory of the extended model.
        progress: A function that is called after every update.
        settings: The settings, as for :func:`train`. Loss, crop and style size default to those of the model. Width and
            grain are those of the model, so that its old styles paint as before. Its style targets are kept with those
            of the new styles, unless loss, encoder or ``style_size`` are other ones.

    Returns:
        The run directory.

    Raises:
        UsageError: If a setting, a painting or the photographs are invalid.
        NstyleError: If training fails or is interrupted. Saved files are kept.
    """
    with joined() as group:
        return _to_the_end(prepare_append(model, styles, out=out, group=group, **settings), progress)


def _to_the_end(trainer: Trainer, progress: Callback | None) -> Path:
    """Train, and stop the caller too if it was asked to stop during the last update, when nothing was left to do."""
    if signal_number := trainer.train(progress or (lambda standing: None)):
        raise InterruptedRunError(f"stopped after the last update; {trainer.run.path} is finished", signal_number)
    return trainer.run.path


def prepare_training(
    styles: Sequence[str | Path], *, out: str | Path | None, resume: bool, group: Group = ALONE, **settings: Any
) -> Trainer:
    """Check everything and return a trainer that is ready to start; see :func:`train`."""
    return group.in_turn(lambda: _prepare_training(styles, out, resume, group, settings))


def _prepare_training(
    styles: Sequence[str | Path], out: str | Path | None, resume: bool, group: Group, settings: dict[str, Any]
) -> Trainer:
    if resume:
        return _prepare_resume(styles, out, group, settings)
    if not styles:
        raise UsageError("no styles given; expected paintings as `styles`, such as styles/*.jpg")
    files = find_styles(styles)
    if settings.get("init_from"):
        source = settings["init_from"]
        check_setting(isinstance(source, str | os.PathLike), "init_from", source, "a model")
        model = find_model(source)
        info = read_info(model)
        inherited = {"width": info.width, "grain": info.grain, "keep_targets": info.target_bytes > 0}
        settings = {**inherited, **settings, "init_from": str(model)}
    path = Path(out) if out else RUNS / run_name([style.name for style in files])
    if _goes_on(path):
        return _prepare_resume(styles, path, group, settings)
    config = make_config(files, settings)
    check_paintings(files, config.style_size)
    return new_run(path, config, files, group)


def prepare_append(
    model: str | Path, styles: Sequence[str | Path], *, out: str | Path, group: Group = ALONE, **settings: Any
) -> Trainer:
    """Check everything and return a trainer that is ready to start; see :func:`add_style`."""
    return group.in_turn(lambda: _prepare_append(model, styles, Path(out), group, settings))


def _prepare_append(
    model: str | Path, styles: Sequence[str | Path], out: Path, group: Group, settings: dict[str, Any]
) -> Trainer:
    if _goes_on(out):
        return _prepare_resume(styles, out, group, settings)
    path = find_model(model)
    info = read_info(path)
    inherited: dict[str, Any] = {"updates": ADD_STYLE_UPDATES, "width": info.width, "size": info.size}
    if "size" not in settings:
        inherited["style_size"] = info.style_size
    inherited["keep_targets"] = info.target_bytes > 0
    if settings.get("keep_targets"):
        check_old_targets(path, info)
    fixed = {"init_from": str(path), "rows_only": True, "width": info.width, "grain": info.grain}
    grain = settings.get("grain", info.grain)
    check_setting(grain == info.grain, "grain", grain, f"{info.grain:g} as the model's old styles have, or nothing")
    files = find_styles(styles)
    if not files:
        raise UsageError("no styles given; expected paintings as `styles`, such as new.jpg")
    config = make_config(files, {**inherited, **settings, **fixed}, Preset.of_model(path, info.preset))
    check_paintings(files, config.style_size)
    return new_run(out, config, files, group)


def _goes_on(path: Path) -> bool:
    """Return whether torchrun repeats a command whose processes started this run and crashed after a checkpoint."""
    return RunDirectory(path).has_run and was_begun(path)


def run_name(names: Sequence[str]) -> str:
    """Name a run after its styles, of which up to three are spelled out."""
    name = "+".join(names) if len(names) <= 3 else f"{names[0]}+{len(names) - 1}-more"
    return shorten(name, MOST_BYTES_OF_RUN)


def _run_of(styles: Sequence[StyleFile]) -> Path:
    """Return the run directory that is named after paintings, under their names of version 0.1 if it is there."""
    path = RUNS / run_name([style.name for style in styles])
    former = RUNS / run_name([former_style_name(style.path) for style in styles])
    return former if RunDirectory(former).has_run and not RunDirectory(path).has_run else path


def make_config(styles: Sequence[StyleFile], settings: Mapping[str, Any], base: Preset = RELATIVE) -> TrainingConfig:
    """Convert the settings that :func:`train` takes into a config.

    A preset that is named takes its weights for the VGG release at hand, where it has some. What is given is kept: a
    single setting, or a whole :class:`Preset`, as the settings of a run hold it.

    Raises:
        UsageError: If a setting is invalid, or the VGG weights that a preset depends on are.
        NstyleError: If a download of them fails.
    """
    settings = dict(settings)
    check_names(settings, [*(f.name for f in fields(TrainingConfig)), *PRESET_OVERRIDES])
    asked = settings.pop("preset", None) or base
    if not isinstance(asked, Preset):
        check_setting(isinstance(asked, str) and asked in PRESETS, "preset", asked, " | ".join(PRESETS))
    overrides = {name: settings.pop(name) for name in PRESET_OVERRIDES if name in settings}
    names = [style.name for style in styles]
    factors = settings.pop("style_factors", {})
    check_setting(isinstance(factors, Mapping), "style_factors", factors, "numbers by name")
    factors = {match_style(name, names): value for name, value in factors.items()}
    preset = asked if isinstance(asked, Preset) else PRESETS[asked]
    config = TrainingConfig(preset=preset.override(**overrides), style_factors=factors, **settings)
    return config if isinstance(asked, Preset) else replace(config, preset=_tuned(asked, config.vgg, overrides))


def _tuned(name: str, vgg: str, overrides: Mapping[str, Any]) -> Preset:
    """Return a preset with its weights for the VGG release at hand, and with what was given beside it."""
    preset = for_release(name, load_encoder_weights(vgg).release) if has_releases(name) else PRESETS[name]
    if preset != PRESETS[name]:
        logger.info("preset %s takes its weights for the %s release of VGG", name, preset.release)
    return preset.override(**overrides)


def _prepare_resume(
    styles: Sequence[str | Path], out: str | Path | None, group: Group, settings: dict[str, Any]
) -> Trainer:
    files = find_styles(styles)
    if out is None:
        out = _run_of(files) if files else newest_run()
    if out is None:
        raise UsageError(f"there is no run under {RUNS} to resume; name one with `out`")
    run = RunDirectory(Path(out))
    if not run.config.exists():
        raise UsageError(f"{out} holds no run to resume; expected a run directory (`out`) with {run.config.name}")
    config = TrainingConfig.from_toml(run.config)
    names = run.read_styles().names
    if files and tuple(style.name for style in under_stored_names(files, names)) != names:
        raise UsageError(
            f"the run trains {', '.join(names)}, in this order; leave `styles` out to resume it, or choose another "
            "`out`"
        )
    _refuse_changes(config, settings, names)
    changed = {name: value for name, value in settings.items() if name in RESUMABLE}
    return resume_run(run.path, replace(config, **changed), group)


def _refuse_changes(config: TrainingConfig, settings: dict[str, Any], names: Sequence[str]) -> None:
    """Check that settings given with ``resume`` equal those of the run, except for those that may differ."""
    running = {f.name: getattr(config, f.name) for f in fields(config)}
    running |= {name: getattr(config.preset, name) for name in PRESET_OVERRIDES} | {"preset": config.preset.name}
    check_names(settings, running)
    for name, value in settings.items():
        same = value == running[name]
        if name == "init_from" and value and not same:
            same = str(find_model(value)) == running[name]
        elif name == "preset":
            same = value in (config.preset, config.preset.name)
        elif name in ("style_layers", "content_layers"):
            same = getattr(config.preset.override(**{name: value}), name) == running[name]
        elif name == "style_factors":
            same = {match_style(style, names): factor for style, factor in value.items()} == running[name]
        elif name == "precision":
            same = value in ("auto", running[name])
        if not same and name not in RESUMABLE:
            raise UsageError(
                f"`{name}` is {value}, but the run was started with {running[name]}; leave it out to resume, or start "
                "a new run"
            )
