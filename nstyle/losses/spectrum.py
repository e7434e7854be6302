"""The power spectrum of a picture, held against a painting's: what Gram matrices do not see is a regular mesh.

A Gram matrix says how strong each feature is, but not whether it comes back at the same distance everywhere. A network
that upsamples fills plain areas with such a pattern and its Gram matrices are right. The power spectrum shows it as
peaks (Liu, Gousseau and Xia 2016, who project a texture onto the painting's spectrum). It is the Fourier transform of
the autocorrelation (Wiener 1930; Khinchin 1934), which Sendik and Cohen-Or 2017 compare in features.

Shape suffixes: B batch, C colours, I and J windows, N side of a window, M = N / 2 + 1 frequencies of a real transform.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from nstyle.losses.functional import at_least_float32

WINDOW, STEP = 64, 32
"""The side N of the windows and the distance between them, in pixels. N is also the smallest side of a picture."""
LONGEST_PERIOD = 20
"""The longest period that is compared, in pixels. Longer ones are the composition of the picture."""
FLOOR = (1 / 255) ** 2
"""The least power that differences are taken over, that of white noise of one level."""
EPS = 1e-12
"""The value added to a power before its square root is taken, in squared units of the picture."""


def power_spectrum(image: Tensor) -> Tensor:
    """Estimate the power spectrum of every colour as a mean over windows (Welch 1967).

    Args:
        image: RGB (B, 3, H, W) in [0, 1], whose sides are at least 64. They are extended to multiples of 32 by
            reflection.

    Returns:
        The power (B, 3, 64, 33) float32 or wider. White noise has its variance in all frequencies.
    """
    height, width = image.shape[-2:]
    image = F.pad(at_least_float32(image), (0, -width % STEP, 0, -height % STEP), mode="reflect")
    taper_N = torch.hann_window(WINDOW, periodic=False, device=image.device, dtype=image.dtype)
    taper_NN = taper_N[:, None] * taper_N
    windows_BCIJNN = image.unfold(2, WINDOW, STEP).unfold(3, WINDOW, STEP)
    centred = windows_BCIJNN - windows_BCIJNN.mean(dim=(-2, -1), keepdim=True)
    transformed = torch.view_as_real(torch.fft.rfft2(centred * taper_NN))
    return transformed.square().sum(dim=-1).mean(dim=(2, 3)) / taper_NN.square().sum()


def spectrum_target(painting: Tensor) -> Tensor:
    """Prepare what :func:`spectrum_error` compares with.

    Args:
        painting: RGB (B, 3, H, W) in [0, 1].

    Returns:
        (B, 2, 3, 64, 33) float32: the amplitudes of the painting over the root mean square at their distance from the
        origin, and the reciprocals of the latter. Both are 0 at frequencies that are not compared.
    """
    power_BCNM = power_spectrum(painting)
    down = torch.fft.fftfreq(WINDOW, device=painting.device)[:, None]
    distance_NM = torch.hypot(down, torch.fft.rfftfreq(WINDOW, device=painting.device))
    ring = (distance_NM * WINDOW).round().long().flatten()
    one_hot = F.one_hot(ring).float()
    mean_over_ring = (power_BCNM.mean(dim=1).flatten(1) @ one_hot / one_hot.sum(dim=0))[:, ring]
    typical_B1NM = mean_over_ring.clamp(min=FLOOR).reshape(-1, 1, *distance_NM.shape)
    compared_NM = distance_NM > 1 / LONGEST_PERIOD
    weight = (compared_NM * typical_B1NM.rsqrt()).expand_as(power_BCNM)
    return torch.stack([power_BCNM.sqrt() * weight, weight], dim=1)


def spectrum_error(image: Tensor, target: Tensor) -> Tensor:
    """Average the squared differences of amplitudes, each over the painting's typical one at that distance.

    Args:
        image: RGB (B, 3, H, W) in [0, 1].
        target: The result of :func:`spectrum_target` for each sample's painting, (B, 2, 3, 64, 33).

    Returns:
        The error per sample, (B,): 0 for the same spectrum, about 1 for a plain picture.
    """
    amplitude, weight = target.unbind(dim=1)
    error: Tensor = ((power_spectrum(image) + EPS).sqrt() * weight - amplitude).square().flatten(1).mean(dim=1)
    return error
