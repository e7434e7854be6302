"""The settings of the check of VGG weights."""

from dataclasses import dataclass

from nstyle.encoders.layers import Architecture
from nstyle.reconstruction.config import NETWORK, OPTIMIZATION, PICTURE
from nstyle.settings import check_settings, setting


@dataclass(frozen=True, kw_only=True)
class CheckConfig:
    """The settings of a check. All are checked on construction."""

    size: int = setting(192, "The long side of the reconstructions.", PICTURE, at_least=32, at_most=2048, unit="px")
    iterations: int = setting(
        100,
        "The number of updates of each reconstruction, with L-BFGS; fewer than 10 show nothing.",
        OPTIMIZATION,
        at_least=10,
    )
    vgg: str = setting(
        "",
        "The weights to check: a file, or imagenet for torchvision's.",
        NETWORK,
        metavar="FILE|imagenet",
        default_text="$NSTYLE_VGG, else imagenet",
    )
    network: Architecture | None = setting(
        None, "Which network imagenet means, or a file must hold.", NETWORK, default_text="vgg16, or the file's"
    )

    def __post_init__(self) -> None:
        check_settings(self)
