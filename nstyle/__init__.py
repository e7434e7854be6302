"""One small network that paints in n styles, blends any of them, and learns another in minutes.

>>> import nstyle
>>> model = nstyle.load()  # doctest: +SKIP
>>> model.stylize(photo, weights=[0.5, 0.5])  # doctest: +SKIP

The names below are imported when they are first used, so that ``import nstyle`` does not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nstyle.comparison.compare import compare
    from nstyle.errors import NstyleError, UsageError
    from nstyle.inference.export import export
    from nstyle.inference.stylizer import Stylizer, load
    from nstyle.interpolation.interpolate import interpolate
    from nstyle.models.transformer import TransformerNetwork
    from nstyle.reconstruction.reconstruct import reconstruct
    from nstyle.reproduction.reproduce import reproduce
    from nstyle.training.train import add_style, train
    from nstyle.video.stylize_video import stylize_video

from nstyle.version import __version__ as __version__

_HOMES = {
    "NstyleError": "nstyle.errors",
    "UsageError": "nstyle.errors",
    "Stylizer": "nstyle.inference.stylizer",
    "load": "nstyle.inference.stylizer",
    "TransformerNetwork": "nstyle.models.transformer",
    "export": "nstyle.inference.export",
    "train": "nstyle.training.train",
    "add_style": "nstyle.training.train",
    "reconstruct": "nstyle.reconstruction.reconstruct",
    "compare": "nstyle.comparison.compare",
    "interpolate": "nstyle.interpolation.interpolate",
    "reproduce": "nstyle.reproduction.reproduce",
    "stylize_video": "nstyle.video.stylize_video",
}

__all__ = [
    "NstyleError",
    "Stylizer",
    "TransformerNetwork",
    "UsageError",
    "add_style",
    "compare",
    "export",
    "interpolate",
    "load",
    "reconstruct",
    "reproduce",
    "stylize_video",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nstyle' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
