"""Hold an export against the network before it is written."""

import numpy as np
import torch
from torch import Tensor

from nstyle.errors import NstyleError
from nstyle.exports.network import IMAGE, MIX
from nstyle.exports.runtime import Floats, open_session, run
from nstyle.models.transformer import MARGIN, TransformerNetwork

SIZES = ((1, 2), (37, 50), (83, 64))
"""The (height, width) of the pictures of the check: odd ones, ones that are not multiples of 4, ones below 16 px.

A picture of one colour, such as any of 1x1 px, cannot be compared: nothing in it varies but rounding, which the norms
amplify, so that even float32 and float64 differ by 0.3."""
TOLERANCE, HALF_TOLERANCE = 1e-3, 0.03
"""The largest difference of a value in [0, 1] that counts as rounding, in float32 and with float16 features."""


def check_export(model: bytes, network: TransformerNetwork, mix_S: Tensor | None, *, half: bool, batch: int) -> None:
    """Run an export on pictures of noise in every size of ``SIZES``, and compare them with the network's.

    Args:
        model: The content of the file.
        network: The network that was exported.
        mix_S: The mix that the export has fixed, or None where it takes one.
        half: Whether the export computes in half precision.
        batch: The number of pictures that are painted at once.

    Raises:
        NstyleError: If the export cannot be run, or paints otherwise than the network.
    """
    random = np.random.default_rng(0)
    tolerance = HALF_TOLERANCE if half else TOLERANCE
    try:
        session = open_session(model)
        for height, width in SIZES:
            image = random.random((batch, 3, height, width), dtype=np.float32)
            mix = _mixes(random, batch, network.num_styles) if mix_S is None else mix_S.numpy()[None].repeat(batch, 0)
            painted = run(session, {IMAGE: image} | ({MIX: mix} if mix_S is None else {}))
            difference = float(np.abs(painted - paint_reference(network, image, mix)).max())
            if not difference <= tolerance:
                raise NstyleError(
                    f"the export is not written: at {width}x{height} px it differs from the network by "
                    f"{difference:.2g}, and up to {tolerance:g} is rounding; another onnxruntime may do"
                )
    except NstyleError:
        raise
    except Exception as error:  # ONNX Runtime's exceptions have no class in common.
        reason = " ".join(str(error).split())
        raise NstyleError(f"the export is not written: ONNX Runtime cannot run it ({reason:.200})") from error


@torch.inference_mode()
def paint_reference(network: TransformerNetwork, image: Floats, mix: Floats) -> Floats:
    """Paint pictures (B, 3, H, W) with the network itself, with a mirrored margin."""
    height, width = image.shape[2:]
    top, left = min(MARGIN, height - 1), min(MARGIN, width - 1)
    framed = np.pad(image, ((0, 0), (0, 0), (top, top), (left, left)), mode="reflect")
    painted: Floats = network(torch.from_numpy(framed), torch.from_numpy(mix)).numpy()
    return painted[..., top : top + height, left : left + width]


def _mixes(random: np.random.Generator, batch: int, num_styles: int) -> Floats:
    """Draw blends of all styles for every picture but the first, which has one style."""
    mixes = random.dirichlet(np.ones(num_styles), batch).astype(np.float32)
    mixes[0] = np.eye(num_styles, dtype=np.float32)[0]
    return mixes
