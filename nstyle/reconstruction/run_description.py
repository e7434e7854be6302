"""The description of a reconstruction: what it is about, how it ended, and the command that repeats it."""

import dataclasses
import shlex
from pathlib import Path
from typing import Any

import torch

from nstyle.encoders.load import EncoderWeights
from nstyle.reconstruction.config import ReconstructionConfig
from nstyle.reconstruction.configure import configure
from nstyle.reconstruction.engine import Reconstruction, features_dtype
from nstyle.reconstruction.layer_weights import layers_text
from nstyle.reconstruction.pictures import Pictures
from nstyle.version import __version__

RESUMABLE = ("iterations", "patience", "threshold", "device", "vgg")
"""Settings that may change when a run is resumed. The iterations may not on a ladder, whose first sizes are done
already."""

NOT_OF = {
    "style": ("content_layers", "content_loss", "style_weight"),
    "content": ("style_layers", "loss", "moments", "style_size", "style_mix", "style_weight", "schedule"),
    "transfer": (),
}
"""Settings that a task has no use for."""


def identity(config: ReconstructionConfig, pictures: Pictures, encoder_weights: EncoderWeights) -> dict[str, Any]:
    """Return what decides the pixels of a run: settings, pictures and encoder. A resumed run must have the same."""
    values = {
        name: value
        for name, value in config.to_dict().items()
        if name not in RESUMABLE or (name == "iterations" and config.min_size)
    }
    values["precision"] = str(features_dtype(config)).removeprefix("torch.")
    values["styles"] = [source.fingerprint for source in pictures.styles]
    values["content"] = pictures.content.fingerprint if pictures.content else None
    return {**values, "weights": encoder_weights.sha256}


def describe(run: Reconstruction, encoder_weights: EncoderWeights, folder: Path) -> dict[str, Any]:
    """Return what was run, and how it ended, as values for JSON."""
    assert run.best is not None
    pictures = run.pictures
    return {
        "command": f"{command_line(run.config, pictures)} --out {shlex.quote(str(folder))}",
        "config": run.config.to_dict(),
        "styles": [source.name for source in pictures.styles] if run.config.style_layers else [],
        "content": pictures.content.name if pictures.content and run.config.content_layers else None,
        "identity": identity(run.config, pictures, encoder_weights),
        "vgg": {name: getattr(encoder_weights, name) for name in ("architecture", "release", "sha256", "deepest")},
        "result_size": list(pictures.result_size(run.config.size)),
        "initial": run.initial,
        "best": {"iteration": run.best.iteration, "loss": run.best.loss, "terms": run.best.terms},
        "iterations": run.iteration,
        "evaluations": run.evaluations,
        "stopped": run.stopped,
        "seconds": round(run.seconds, 2),
        "device": str(run.device),
        "precision": str(run.vgg.dtype).removeprefix("torch."),
        "versions": {"nstyle": __version__, "torch": torch.__version__},
    }


def command_line(config: ReconstructionConfig, pictures: Pictures) -> str:
    """Return the command that repeats the run, without ``--out``: what differs from the defaults of the rest."""
    task = "transfer" if config.is_transfer else "style" if config.style_layers else "content"
    words = ["nstyle", "reconstruct", task]
    words += [pictures.content.name] if pictures.content and config.content_layers else []
    words += [source.name for source in pictures.styles] if config.style_layers else []
    given: dict[str, Any] = {name: getattr(config, name) for name in ("style_layers", "content_layers", "loss")}
    usual = ReconstructionConfig(**given, optimizer=config.optimizer, style_weight=1.0)
    default = (
        configure({**given, "moments": config.moments, "schedule": config.schedule, "optimizer": config.optimizer})
        if config.schedule
        else usual
    )
    shown = (
        {"optimizer"}
        | ({"loss"} if config.style_layers else set())
        | ({"style_weight"} if config.is_transfer else set())
    )
    for f in dataclasses.fields(config):
        value = getattr(config, f.name)
        flag = "--" + f.name.replace("_", "-")
        if f.name in NOT_OF[task]:
            continue
        if f.name in ("style_layers", "content_layers"):
            flag = flag if task == "transfer" else "--layers"
            words += [flag, layers_text(value, ",")] if value else []
        elif f.name == "style_mix":
            words += ["--weights", ",".join(map(repr, value))] if value else []
        elif f.name in shown or value != getattr(usual if f.name in ("moments", "schedule") else default, f.name):
            words += [flag, str(value)]
    return shlex.join(words)
