"""Paint pictures with a trained network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from nstyle.errors import UsageError
from nstyle.image import resize, to_image, to_picture
from nstyle.inference.color import fade, keep_luminance
from nstyle.inference.mix import Mix, make_mix
from nstyle.models.device import choose_dtype
from nstyle.models.locate import find_model
from nstyle.models.model_file import ModelInfo, load_model
from nstyle.models.transformer import TransformerNetwork, pad_to_stride
from nstyle.tiling.exact import StripPainter

KeepColor = Literal["luminance"]
MARGIN = 48
"""Width of the mirrored margin in pixels, as far as the picture has them: frames were still seen with 32."""
Pixels = TypeVar("Pixels", Image.Image, npt.NDArray[np.generic], Tensor)


class Stylizer:
    """A model that is ready to paint.

    Args:
        network: The network; it is put into evaluation mode.
        info: Its description.
        device: Where to run it.
    """

    def __init__(self, network: TransformerNetwork, info: ModelInfo, *, device: torch.device | str = "cpu") -> None:
        self.network = network.eval().requires_grad_(requires_grad=False).to(memory_format=torch.channels_last).to(device)
        self.info = info
        self.device = torch.device(device)

    @property
    def styles(self) -> tuple[str, ...]:
        """Names of the styles, in the order of positional weights."""
        return self.info.styles

    def stylize(
        self,
        image: Pixels,
        weights: Sequence[float] | Mapping[str, float] | str | None = None,
        *,
        strength: float = 1.0,
        keep_color: KeepColor | None = None,
        size: int | None = None,
    ) -> Pixels:
        """Paint a picture.

        Args:
            image: A PIL picture, an array (H, W, 3) uint8 or float in [0, 1], or a tensor (3, H, W) or (B, 3, H, W) float in [0, 1].
            weights: By position, by name, or the name of one style. None is for models of a single style. Normalized to sum 1.
            strength: 0 gives the photograph, 1 the style.
            keep_color: ``"luminance"`` takes only the luminance from the stylized picture.
            size: Long side in pixels to resize to first; for PIL pictures and arrays.

        Returns:
            What was given: PIL RGB, array uint8 or float, or tensor; of the same size unless ``size`` is given.

        Raises:
            UsageError: If weights, strength or the picture do not do.
        """
        mix = self.mix(weights)
        if isinstance(image, Image.Image):
            return self.paint(image, mix, strength=strength, keep_color=keep_color, size=size)
        if isinstance(image, Tensor):
            return self._stylize_tensor(image, mix, strength, keep_color, size)
        array = np.asarray(image)
        if array.ndim != 3 or array.shape[2] != 3:
            raise UsageError(f"got an array of shape {array.shape}; expected (H, W, 3)")
        if array.dtype == np.uint8:
            return cast(Pixels, np.array(self.paint(Image.fromarray(array), mix, strength=strength, keep_color=keep_color, size=size)))
        if size is not None:
            raise UsageError("size is for PIL pictures and uint8 arrays; resize float arrays before")
        tensor = torch.from_numpy(np.ascontiguousarray(array)).permute(2, 0, 1)
        return cast(Pixels, self._stylize_tensor(tensor, mix, strength, keep_color, None).permute(1, 2, 0).numpy().astype(array.dtype))

    def mix(self, weights: Sequence[float] | Mapping[str, float] | str | None) -> Mix:
        """Resolve weights to a mix; see :meth:`stylize`."""
        if isinstance(weights, str):
            return make_mix(self.styles, chosen=[weights])
        if weights is None and len(self.styles) > 1:
            raise UsageError(f"the model has {len(self.styles)} styles; choose one or weigh them: {', '.join(self.styles)}")
        return make_mix(self.styles, weights)

    def paint(
        self, photo: Image.Image, mix: Mix, *, strength: float = 1.0, keep_color: KeepColor | None = None, size: int | None = None
    ) -> Image.Image:
        """Paint a picture with a mix; see :meth:`stylize`. Transparency is shown on white."""
        check_options(strength, keep_color, size)
        photo = resize(to_picture(photo).over_white(), long_side=size)
        if strength == 0:
            return photo
        stylized = to_image(self._run(torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None], mix)[0])
        if keep_color == "luminance":
            stylized = keep_luminance(stylized, photo)
        return fade(stylized, photo, strength)

    def _stylize_tensor(self, image: Tensor, mix: Mix, strength: float, keep_color: KeepColor | None, size: int | None) -> Tensor:
        check_options(strength, keep_color, size)
        if keep_color is not None or size is not None:
            raise UsageError("keep_color and size are for PIL pictures and uint8 arrays")
        batch = image if image.dim() == 4 else image[None]
        if batch.dim() != 4 or batch.shape[1] != 3 or not image.is_floating_point():
            raise UsageError(f"got a tensor of shape {tuple(image.shape)}, {image.dtype}; expected float (3, H, W) or (B, 3, H, W) in [0, 1]")
        low, high = (float(value) for value in torch.aminmax(batch))
        if not (low >= 0 and high <= 1):
            raise UsageError(f"got values from {low:g} to {high:g}; expected [0, 1]")
        stylized = self._run(batch.float(), mix).to(image)
        stylized = batch + strength * (stylized - batch) if strength < 1 else stylized
        return stylized if image.dim() == 4 else stylized[0]

    @torch.inference_mode()
    def _run(self, batch: Tensor, mix: Mix) -> Tensor:
        """Run the network on RGB (B, 3, H, W), bytes or float in [0, 1], with a mirrored margin around it that is cut off again.

        The network can feel the border of a picture as far as its receptive field reaches, and learns to answer it: with a frame
        against VGG's zero padding, or with the red sky along the top of The Scream. Johnson et al. 2016 mirror a margin too.
        """
        weights = torch.tensor([[mix.get(name, 0.0) for name in self.styles]], device=self.device)
        height, width = batch.shape[-2:]
        top, left = min(MARGIN, height - 1), min(MARGIN, width - 1)
        on_cpu = self.device.type == "cpu"
        batch = batch / 255 if batch.dtype == torch.uint8 and not on_cpu else batch  # Strips read bytes as they are.
        padded = F.pad(batch.to(self.device), (left, left, top, top), mode="reflect")
        if on_cpu:
            painter = StripPainter(self.network, weights, choose_dtype("auto", self.device))
            output = torch.cat([painter.paint(picture) for picture in torch.split(pad_to_stride(padded), 1)])
        else:
            output = self.network(padded.contiguous(memory_format=torch.channels_last), weights.expand(len(batch), -1))
        return output[..., top : top + height, left : left + width].cpu()


def check_options(strength: float, keep_color: str | None, size: int | None) -> None:
    """Refuse a strength outside of [0, 1], an unknown way to keep colour, or a long side below 1 px with a UsageError."""
    if not 0 <= strength <= 1:
        raise UsageError(f"strength is {strength:g}; expected 0 (the photograph) to 1 (the style)")
    if keep_color not in (None, "luminance"):
        raise UsageError(f"keep-color is {keep_color}; expected luminance")
    if size is not None and size < 1:
        raise UsageError(f"size is {size}; expected a long side of at least 1 px")


def load(model: str | Path | None = None, *, device: torch.device | str = "cpu") -> Stylizer:
    """Load a model to paint with.

    >>> load("default").styles  # doctest: +SKIP
    ('van-gogh-starry-night', 'hokusai-great-wave', ...)

    Args:
        model: See :func:`nstyle.models.locate.find_model`. None: the newest run of the current folder, else the shipped model.
        device: Where to run it.

    Raises:
        UsageError: If there is no such model.
    """
    network, info = load_model(find_model(model))
    return Stylizer(network, info, device=device)
