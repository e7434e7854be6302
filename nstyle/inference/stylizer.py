"""Paint pictures with a trained network."""

import os
import threading
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar, Unpack, cast, overload

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from nstyle.errors import UsageError
from nstyle.imaging.grain import add_grain
from nstyle.imaging.picture import Picture, ValueRange
from nstyle.imaging.pictures import PictureSource, open_picture, source_name
from nstyle.imaging.values import as_batch, checked_array
from nstyle.inference.device_check import TRUSTED, prepare, settle
from nstyle.inference.margin import paint_with_margin
from nstyle.inference.masks import Masks, mix_map
from nstyle.inference.mix import Mix, Weights, weights_to_mix
from nstyle.inference.options import KeepColor, PaintArguments, PaintOptions
from nstyle.inference.painter import paint_picture
from nstyle.inference.shot import ALONE, Shot
from nstyle.inference.size import sized
from nstyle.inference.strength import strengthen
from nstyle.models.locate import describe_model, find_model
from nstyle.models.model_file import ModelInfo, load_model
from nstyle.models.transformer import TransformerNetwork
from nstyle.system.devices import choose_device
from nstyle.tiling.kinds import Tiling
from nstyle.tiling.paint import Share
from nstyle.tiling.whole import WholePainter, whole_painter

Pixels = TypeVar("Pixels", Image.Image, npt.NDArray[np.generic], Tensor)


class Stylizer:
    """A model that is ready to paint; see :func:`load`.

    Args:
        network: The network, which is put into evaluation mode.
        info: The description of the model.
        device: The device to run it on: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``. A GPU first paints a small
            picture to compare with the CPU's. It then paints in half precision if that agrees, else in float32 if that
            agrees, and else the CPU paints instead.
        name: The model in words, for messages.

    Attributes:
        styles: The names of the styles, in the order of positional weights.
        info: The description in the model file; see :class:`nstyle.models.model_info.ModelInfo`.
        device: The device that paints: the chosen one, or the CPU if that one is found to paint wrongly.
        network: The network on this device, in evaluation mode; see :class:`nstyle.TransformerNetwork`.
        name: The model in words, for messages.

    Raises:
        UsageError: If the device is unknown or not available.
    """

    def __init__(
        self,
        network: TransformerNetwork,
        info: ModelInfo,
        *,
        device: torch.device | str = "cpu",
        name: str = "the model",
    ) -> None:
        self.device = choose_device(str(device))
        self._on_cpu = None if self.device.type in TRUSTED else prepare(deepcopy(network), torch.device("cpu"))
        self.network = prepare(network, self.device)
        self._settling = threading.Lock()
        self._dtype, self._whole = torch.float32, whole_painter(self.network, self.device, torch.float32)
        self.info, self.name = info, name

    @property
    def styles(self) -> tuple[str, ...]:
        """The names of the styles, in the order of positional weights."""
        return self.info.styles

    @overload
    def stylize(
        self,
        image: str | os.PathLike[str],
        weights: Weights = ...,
        *,
        masks: Masks | None = ...,
        **options: Unpack[PaintArguments],
    ) -> Image.Image: ...

    @overload
    def stylize(
        self, image: Pixels, weights: Weights = ..., *, masks: Masks | None = ..., **options: Unpack[PaintArguments]
    ) -> Pixels: ...

    def stylize(
        self,
        image: str | os.PathLike[str] | Pixels,
        weights: Weights = None,
        *,
        masks: Masks | None = None,
        strength: float = PaintOptions.strength,
        keep_color: KeepColor | None = PaintOptions.keep_color,
        size: int | str | None = PaintOptions.size,
        dpi: int | None = PaintOptions.dpi,
        stroke: float = PaintOptions.stroke,
        grain: float | None = PaintOptions.grain,
        tiling: Tiling = PaintOptions.tiling,
        value_range: ValueRange | None = PaintOptions.value_range,
    ) -> Image.Image | Pixels:
        """Paint a picture.

        Args:
            image: A file, a PIL picture, an array (H, W, 3) of uint8 or of float in [0, 1] or (H, W, 4) of uint8, or a
                tensor (3, H, W) or (B, 3, H, W) of float in [0, 1].
            weights: Weights by position or by name, or the name of one style. They are normalized to sum to 1. None is
                valid for models of a single style, or where ``masks`` cover everything.
            masks: The masks by style name: files, PIL pictures, arrays or tensors, white where a picture has only this
                style; see :func:`nstyle.inference.masks.mix_map`. They, ``keep_color``, ``size``, ``stroke`` and
                ``grain`` are for files, PIL pictures and uint8 arrays.
            strength: The strength of the style: 0 gives the photograph, 1 the style, and up to 3 more of it; see
                :func:`nstyle.inference.strength.strengthen`.
            keep_color: ``"luminance"`` takes only the luminance from the stylized picture.
            size: The long side in pixels to resize to first, or the size of a print that the picture fits into, such as
                ``"60x40cm"`` or ``"24x16in"``.
            dpi: The resolution of the print in dots per inch, which the picture says; None for 300 if ``size`` is a
                print, and else for the photograph's.
            stroke: How many times as large strokes are as the network's own, 0.5 to 4; see
                :func:`nstyle.inference.stroke.paint_with_stroke`.
            grain: The standard deviation, in levels of 255, of film grain added to the photograph before painting, so
                that plain areas get strokes; see :func:`nstyle.imaging.grain.add_grain`. None for half of what the
                model was trained with; float pixels get none.
            tiling: How the picture is divided; see :func:`nstyle.tiling.paint.paint`.
            value_range: The values that are black and white in files and PIL pictures of grey values of more than 8
                bits; see :func:`nstyle.imaging.wide.to_levels`. None for what the file says.

        Returns:
            A picture of the same kind as ``image``: PIL RGB, or RGBA if it is transparent (for a file too), a uint8 or
            float array, or a tensor on the same device. It has the same size unless ``size`` is given. The ``info`` of
            a PIL picture holds ``exif`` and ``dpi`` of the photograph, without the place, as Pillow's ``save`` takes
            them. A tensor on the stylizer's device stays there, and only the check of its range synchronizes with the
            device.

        Raises:
            UsageError: If the weights, a mask, an option or the picture is invalid.
            NstyleError: If a file cannot be read as a picture.
        """
        options = PaintOptions(
            strength=strength,
            keep_color=keep_color,
            size=size,
            dpi=dpi,
            stroke=stroke,
            grain=grain,
            tiling=tiling,
            value_range=value_range,
        )
        mix = None if weights is None and masks else weights_to_mix(weights, self.styles, self.name)
        if isinstance(image, str | os.PathLike | Image.Image):
            return self._paint_picture(image, mix, options, masks)
        array = None if isinstance(image, Tensor) else checked_array(image)
        if array is not None and array.dtype == np.uint8:
            if options.only_the_network_paints and array.shape[2] == 3:
                return cast(Pixels, self._paint_levels(array, mix, options, masks))
            painted = self._paint_picture(Image.fromarray(array), mix, options, masks)
            return cast(Pixels, np.array(painted.convert("RGBA" if array.shape[2] == 4 else "RGB")))
        if mix is None or masks or options.need_a_picture:
            raise UsageError(
                "`masks`, `keep_color`, `size`, `dpi`, `stroke` and `grain` are for files, PIL pictures and uint8 "
                "arrays; prepare float pixels before"
            )
        if array is None:
            return self._paint_tensor(image, mix, options)
        tensor = torch.from_numpy(np.ascontiguousarray(array)).permute(2, 0, 1)
        return cast(Pixels, self._paint_tensor(tensor, mix, options).permute(1, 2, 0).numpy().astype(array.dtype))

    def _paint_picture(
        self, photo: PictureSource, mix: Mix | None, options: PaintOptions, masks: Masks | None
    ) -> Image.Image:
        """Paint a picture, RGB or RGBA, which says of itself what the photograph did, without the place."""
        picture = sized(open_picture(photo, value_range=options.value_range), options, name=source_name(photo))
        painted = self.paint(picture.rgb, mix, replace(options, size=None), masks)
        image = Picture(painted, picture.alpha).joined()
        image.info = dict(picture.about.without_place().to_info(image.size).items())
        return image

    def paint(
        self,
        photo: PictureSource,
        mix: Mix | None,
        options: PaintOptions,
        masks: Masks | None = None,
        progress: Share = lambda share: None,
        shot: Shot = ALONE,
    ) -> Image.Image:
        """Paint a picture with a mix; see :meth:`stylize`. A transparent picture is composed on white.

        Args:
            photo: A file, or a picture of any mode.
            mix: The mix, or None where the masks cover everything.
            options: The options of painting.
            masks: The masks by style name.
            progress: Called with the share of the work that is done, in [0, 1].
            shot: What a frame of a film takes over from the frames before it.
        """

        def paint_levels(levels: npt.NDArray[np.uint8], scale: float) -> npt.NDArray[np.uint8]:
            return self._paint_levels(levels, mix, options, masks, progress, shot.reduced(scale))

        return paint_picture(photo, options, paint_levels)

    def with_torch(self, what: str) -> "Stylizer":
        """Return itself; see :meth:`nstyle.inference.painter.Painter.with_torch`."""
        return self

    def _paint_levels(
        self,
        levels: npt.NDArray[np.uint8],
        mix: Mix | None,
        options: PaintOptions,
        masks: Masks | None,
        progress: Share = lambda share: None,
        shot: Shot = ALONE,
    ) -> npt.NDArray[np.uint8]:
        """Paint ``levels`` (H, W, 3) with the network alone. The caller applies strengths below 1 and colour."""
        self.settle_device()
        network, weights = self.network, self._weights(mix or {})
        if masks:
            mixes, weights = mix_map(self.styles, mix, masks, (levels.shape[1], levels.shape[0]), self.name)
            network = network.mix_styles(mixes)
        network, whole = self._at_strength(network, options.strength)
        grain = self.info.painting_grain if options.grain is None else options.grain
        pixels = torch.from_numpy(np.require(levels, requirements=["C", "W"])).permute(2, 0, 1)[None].to(self.device)
        pixels = add_grain(pixels.clone(), grain, shot.corner) if grain else pixels
        painted = paint_with_margin(
            network, pixels, weights, options.tiling, progress, whole=whole, memory=shot.memory, corner=shot.corner
        )
        return cast(npt.NDArray[np.uint8], painted[0].permute(1, 2, 0).contiguous().cpu().numpy())

    def _paint_tensor(self, image: Tensor, mix: Mix, options: PaintOptions) -> Tensor:
        batch = as_batch(image)
        self.settle_device()
        pictures, weights = torch.split(batch.float(), 1), self._weights(mix)
        network, whole = self._at_strength(self.network, options.strength)
        paint = partial(paint_with_margin, network, mix=weights, tiling=options.tiling, whole=whole)
        stylized = torch.cat([paint(picture.to(self.device)) for picture in pictures]).to(image)
        stylized = batch + options.strength * (stylized - batch) if options.strength < 1 else stylized
        return stylized if image.dim() == 4 else stylized[0]

    def _at_strength(
        self, network: TransformerNetwork, strength: float
    ) -> tuple[TransformerNetwork, WholePainter | None]:
        """Return a network that is ready to paint at a strength, and its painter for one piece."""
        if network is self.network and strength <= 1:
            return network, self._whole
        ready = prepare(strengthen(network, strength) if strength > 1 else network, self.device)
        return ready, whole_painter(ready, self.device, self._dtype)

    def _weights(self, mix: Mix) -> Tensor:
        """Return a mix as weights (1, S) on the device. Only on CUDA is the non-blocking copy known not to wait for
        work that is still queued."""
        weights = torch.tensor([[mix.get(name, 0.0) for name in self.styles]])
        return weights.to(self.device, non_blocking=self.device.type == "cuda")

    def settle_device(self) -> None:
        """Let a device that is not trusted paint a small picture, once, and choose the precision or move to the CPU
        permanently.

        Painting calls this by itself. Call it to know the device before painting.
        """
        with self._settling:
            if self._on_cpu is not None:
                self.network, self.device, self._dtype = settle(self.network, self.device, self._on_cpu)
                self._whole = whole_painter(self.network, self.device, self._dtype)
                self._on_cpu = None


def load(model: str | Path | None = None, *, device: torch.device | str = "cpu") -> Stylizer:
    """Load a model to paint with.

    >>> load("default").styles  # doctest: +SKIP
    ('van-gogh-starry-night', 'hokusai-great-wave', ...)

    Args:
        model: The model; see :func:`nstyle.models.locate.find_model`. None stands for the newest run of the current
            folder, or the shipped model if there is none.
        device: The device to run it on: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises:
        UsageError: If there is no such model, or the device is unknown or not available.
    """
    path = find_model(model)
    network, info = load_model(path)
    return Stylizer(network, info, device=device, name=describe_model(path))
