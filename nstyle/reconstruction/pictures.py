"""The pictures of a reconstruction at any size, and the picture that the optimization starts from."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from PIL import Image, ImageOps
from torch import Tensor

from nstyle.encoders.layers import min_side
from nstyle.errors import UsageError
from nstyle.imaging.picture import IN_MEMORY
from nstyle.imaging.pictures import PictureSource, open_picture, resize, to_tensor
from nstyle.reconstruction.config import ReconstructionConfig


@dataclass(frozen=True, eq=False)
class Source:
    """A picture and its name. Only the same object is equal, as pixels are slow to compare."""

    image: Image.Image
    """The picture at its own size, upright, of mode RGB."""
    name: str
    """The path of its file as it was given, or ``PICTURE`` for one in memory."""
    path: Path | None = None
    """The absolute path of its file."""

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of its pixels and size, by which a resumed run recognizes it."""
        return hashlib.sha256(repr(self.image.size).encode() + self.image.tobytes()).hexdigest()


def read_source(picture: PictureSource | Source) -> Source:
    """Read a file, or convert a picture in memory; what was read already stays. Transparency is composed on white."""
    if isinstance(picture, Source):
        return picture
    if not isinstance(picture, str | os.PathLike):
        return Source(open_picture(picture).over_white(), IN_MEMORY)
    path = Path(picture)
    if path.exists() and not (path.is_file() or path.is_dir()):  # Opening a pipe would wait for its other end.
        raise UsageError(f"{path} is no regular file; expected a picture")
    return Source(open_picture(path).over_white(), os.fspath(picture), path.absolute())


@dataclass(frozen=True)
class Pictures:
    """Style pictures and a content picture, at least one of them."""

    styles: tuple[Source, ...] = ()
    content: Source | None = None

    @classmethod
    def read(
        cls, *, styles: Sequence[PictureSource | Source] = (), content: PictureSource | Source | None = None
    ) -> "Pictures":
        """Read all pictures that were not read already.

        Raises:
            NstyleError: If a file is no picture.
        """
        return cls(tuple(read_source(style) for style in styles), None if content is None else read_source(content))

    def check(self, config: ReconstructionConfig) -> None:
        """Refuse pictures that do not fit the settings.

        Raises:
            UsageError: If a picture is missing or too small for the deepest layer, or the mix has the wrong length.
        """
        if config.style_layers and not self.styles:
            raise UsageError("style layers were given but no style picture")
        if config.content_layers and self.content is None:
            raise UsageError("content layers were given but no content picture")
        if config.style_mix and len(config.style_mix) != len(self.styles):
            raise UsageError(
                f"`style_mix` has {len(config.style_mix)} parts; expected one for each of the {len(self.styles)} style "
                "pictures"
            )
        if config.style_mix and sum(config.style_mix) == 0:
            raise UsageError("`style_mix` is 0 for every style picture; expected at least one part above 0")
        first_size = config.min_size or config.size
        sizes = {"the result": self.result_size(first_size)}
        if config.tv_weight and min(sizes["the result"]) < 2:
            raise UsageError(
                "the result is one pixel wide or high, which has no total variation; leave `tv_weight` out"
            )
        if config.content_layers and self.content is not None:
            self._check_side("the result", sizes["the result"], config.content_layers)
        if config.style_layers:
            sizes |= {source.name: self._style_image(source, config, first_size).size for source in self.styles}
            for name, size in sizes.items():
                self._check_side(name, size, config.style_layers)
                if config.loss == "mmd" and size != sizes["the result"]:
                    raise UsageError(
                        f"`loss` mmd compares the same positions, but {name} is {size[0]}x{size[1]} px and the result "
                        f"{sizes['the result'][0]}x{sizes['the result'][1]} px; give a style of the same shape, or "
                        "choose mmd-shuffled"
                    )

    @staticmethod
    def _check_side(name: str, size: tuple[int, int], layers: Iterable[str]) -> None:
        layers = list(layers)
        needed = min_side(layers)
        if min(size) < needed:
            deepest = max(layers, key=lambda layer: min_side([layer]))
            raise UsageError(
                f"{name} is {size[0]}x{size[1]} px, but {deepest} needs at least {needed} px; give a larger `size` or "
                "picture"
            )

    def result_size(self, long_side: int) -> tuple[int, int]:
        """Return (width, height) of the result, with the aspect ratio of the content, or else of the first style."""
        reference = (self.content or self.styles[0]).image
        width, height = (max(1, round(side * long_side / max(reference.size))) for side in reference.size)
        return width, height

    def content_at(self, long_side: int) -> Tensor:
        """Return the content, RGB (1, 3, H, W) in [0, 1]."""
        assert self.content is not None
        return to_tensor(resize(self.content.image, long_side=long_side))[None]

    def styles_at(self, config: ReconstructionConfig, long_side: int) -> list[Tensor]:
        """Return the styles, each RGB (1, 3, h, w) in [0, 1], with their aspect ratios kept."""
        return [to_tensor(self._style_image(source, config, long_side))[None] for source in self.styles]

    def _style_image(self, source: Source, config: ReconstructionConfig, long_side: int) -> Image.Image:
        if config.style_size == "content":
            return resize(source.image, long_side=long_side)
        return resize(source.image, long_side=max(1, round(max(source.image.size) * long_side / config.size)))

    def mix(self, config: ReconstructionConfig) -> list[float]:
        """Return the parts of the style pictures, of sum 1."""
        parts = config.style_mix or (1.0,) * len(self.styles)
        return [part / sum(parts) for part in parts]

    def start(self, config: ReconstructionConfig, long_side: int, mean: tuple[float, float, float]) -> Tensor:
        """Make the picture that the optimization starts from, RGB (1, 3, H, W) in [0, 1].

        Args:
            config: The settings, which name the start and the seed.
            long_side: Long side of the result in pixels.
            mean: The mean colour of the VGG release, for the start ``mean``.
        """
        width, height = self.result_size(long_side)
        flat = {"white": (1.0, 1.0, 1.0), "black": (0.0, 0.0, 0.0), "mean": mean}
        if config.start in flat:
            return torch.tensor(flat[config.start]).view(1, 3, 1, 1).expand(1, 3, height, width).clone()
        if config.start == "noise":
            generator = torch.Generator().manual_seed(config.seed)
            return torch.randn(1, 3, height, width, generator=generator).mul_(0.5).add_(0.5).clamp_(0, 1)
        if config.start == "content":
            return self.content_at(long_side)
        fitted = [
            to_tensor(ImageOps.fit(source.image, (width, height), Image.Resampling.LANCZOS))[None]
            for source in self.styles
        ]
        style = torch.stack([part * picture for part, picture in zip(self.mix(config), fitted, strict=True)]).sum(dim=0)
        return style if config.start == "style" else (style + self.content_at(long_side)) / 2
