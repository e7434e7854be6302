"""The colours of video: which matrix and which range turn Y'CbCr into RGB and back, as the clip's tags say."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from av import VideoFrame

BT709, UNKNOWN, BT601, BT2020 = 1, 2, 6, (9, 10)
"""Numbers of H.273, which video streams carry: of matrices, and (709 and unknown) of primaries and transfer curves."""
MATRICES = (BT709, 4, 5, BT601, 7, *BT2020)
"""The matrices that are converted with. Others are treated as if the clip said nothing."""
LIMITED, FULL = 1, 2
HIGH_DYNAMIC_RANGE = (16, 18)
"""The transfer curves PQ and HLG."""
LARGE = (1280, 576)
"""Beyond this width or height, players take BT.709 for a clip that does not say its matrix; else BT.601."""
SCALING = "BICUBIC|ACCURATE_RND|FULL_CHR_H_INT"


@dataclass(frozen=True)
class Colours:
    """The colours of a clip, by the numbers of H.273."""

    matrix: int = BT709
    value_range: int = LIMITED
    primaries: int = BT709
    transfer: int = BT709

    @property
    def is_high_dynamic_range(self) -> bool:
        """Tell whether 8 bits are few for it."""
        return self.transfer in HIGH_DYNAMIC_RANGE


def colours_of(frame: "VideoFrame") -> Colours:
    """Return what a decoded frame says of its colours, and what players assume where it says nothing."""
    if frame.format.is_rgb or frame.format.name.startswith("pal"):
        return Colours()
    matrix = int(frame.colorspace)
    if matrix not in MATRICES:
        matrix = BT709 if frame.width >= LARGE[0] or frame.height > LARGE[1] else BT601
    is_full = int(frame.color_range) == FULL or frame.format.name.startswith("yuvj")
    return Colours(matrix, FULL if is_full else LIMITED, int(frame.color_primaries), int(frame.color_trc))


def to_rgb(frame: "VideoFrame", colours: Colours, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Convert a frame to RGB levels (H, W, 3), scaled to a (width, height) if it has another."""
    width, height = size
    options: dict[str, Any] = {"width": width, "height": height, "format": "rgb24", "interpolation": _scaling()}
    if not frame.format.is_rgb:
        options |= {"src_colorspace": colours.matrix, "src_color_range": colours.value_range}
    return np.asarray(frame.reformat(**options).to_ndarray(), dtype=np.uint8)


def to_yuv(levels: npt.NDArray[np.uint8], colours: Colours) -> "VideoFrame":
    """Convert RGB levels (H, W, 3) to a frame of yuv420p. An odd side gets one more row or column, like the last."""
    import av

    height, width = levels.shape[:2]
    if height % 2 or width % 2:
        levels = np.pad(levels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(levels), format="rgb24").reformat(
        format="yuv420p",
        dst_colorspace=colours.matrix,
        dst_color_range=colours.value_range,
        interpolation=_scaling(),
    )


def _scaling() -> int:
    """Return the flags of the scaler: exact to a level for flat colours, chroma interpolated."""
    from av.video.reformatter import Interpolation

    flags = Interpolation(0)
    for name in SCALING.split("|"):
        flags |= Interpolation[name]
    return int(flags)
