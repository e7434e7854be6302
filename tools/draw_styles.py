"""Draw the sample styles of data/styles: pictures of our own to train on where there is no painting at hand.

python tools/draw_styles.py            # writes data/styles/mosaic.jpg and data/styles/waves.jpg
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 640, 512
SUPERSAMPLING = 2
"""Drawn this many times larger, then reduced: smooth edges."""
FOLDER = Path(__file__).parents[1] / "data" / "styles"
Array = npt.NDArray[np.float64]

MOSAIC_PALETTE = ((20, 62, 108), (37, 122, 153), (92, 178, 170), (240, 196, 92), (222, 116, 58), (150, 42, 52))
WAVES_PALETTE = ((14, 24, 66), (30, 70, 140), (64, 140, 190), (240, 236, 214), (236, 176, 70), (208, 84, 46))


def smooth_noise(shape: tuple[int, int], scale: float, draw: np.random.Generator) -> Array:
    """Draw noise whose features are about ``scale`` pixels wide: (H, W), mean 0, deviation 1."""
    height, width = shape
    coarse = draw.normal(size=(int(height / scale) + 3, int(width / scale) + 3)).astype(np.float32)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    values = np.asarray(image, dtype=np.float64)
    return (values - values.mean()) / values.std()


def palette_at(position: Array, palette: tuple[tuple[int, int, int], ...]) -> Array:
    """Look positions in [0, 1) up in a palette: (...) to (..., 3)."""
    return np.asarray(palette, dtype=np.float64)[(position * len(palette)).astype(int) % len(palette)]


def mosaic(draw: np.random.Generator) -> Image.Image:
    """Lay irregular tiles along rings, each of one colour, with dark grout."""
    width, height = SUPERSAMPLING * WIDTH, SUPERSAMPLING * HEIGHT
    tile = 15 * SUPERSAMPLING
    image = Image.new("RGB", (width, height), (34, 30, 36))
    pen = ImageDraw.Draw(image)
    hue = smooth_noise((height, width), 190 * SUPERSAMPLING, draw)
    center = np.array([0.62 * width, 0.42 * height])
    for radius in np.arange(tile / 2, 1.2 * width, tile):
        count = max(6, int(2 * np.pi * radius / tile))
        phase = draw.uniform(0, 1)
        for k in range(count):
            start, end = (2 * np.pi * (k + phase + edge) / count for edge in (0.06, 0.94))
            corners = [
                center + r * np.array([np.cos(a), np.sin(a)])
                for r, a in ((radius, start), (radius, end), (radius + 0.86 * tile, end), (radius + 0.86 * tile, start))
            ]
            middle = np.mean(corners, axis=0)
            if not (0 <= middle[0] < width and 0 <= middle[1] < height):
                continue
            position = (0.5 + 0.22 * hue[int(middle[1]), int(middle[0])] + radius / width + draw.normal(0, 0.06)) % 1
            color = palette_at(np.array(position), MOSAIC_PALETTE) + draw.normal(0, 12) + draw.normal(0, 4, 3)
            points = [tuple(corner + draw.normal(0, 0.05 * tile, 2)) for corner in corners]
            pen.polygon(points, fill=tuple(int(c) for c in color.clip(0, 255)))
    return image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def waves(draw: np.random.Generator) -> Image.Image:
    """Sweep curling bands of colour with fine bristle lines, as a broad brush leaves them."""
    width, height = SUPERSAMPLING * WIDTH, SUPERSAMPLING * HEIGHT
    y, x = np.mgrid[0:height, 0:width] / (100.0 * SUPERSAMPLING)
    for scale, strength in ((220, 0.75), (110, 0.3)):
        bend = smooth_noise((height, width), scale * SUPERSAMPLING, draw)
        x, y = x + strength * bend, y + strength * smooth_noise((height, width), scale * SUPERSAMPLING, draw)
    height_field = y + 0.55 * np.sin(1.7 * x) + 0.25 * np.sin(3.1 * x + 1.3 * y)
    bands = palette_at((0.42 * height_field) % 1, WAVES_PALETTE)
    bristles = np.sin(52 * height_field + 2 * smooth_noise((height, width), 60 * SUPERSAMPLING, draw))
    strokes = 16 * bristles + 9 * smooth_noise((height, width), 5 * SUPERSAMPLING, draw)
    edge = np.abs(((0.42 * height_field * len(WAVES_PALETTE)) % 1) - 0.5) > 0.47
    pixels = np.where(edge[..., None], 0.35 * bands, bands + strokes[..., None])
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.8))
    return image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def main() -> None:
    """Draw both, always the same."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, style in (("mosaic", mosaic), ("waves", waves)):
        path = FOLDER / f"{name}.jpg"
        style(np.random.default_rng(7)).save(path, quality=88)
        print(f"{path}  ({path.stat().st_size / 1000:.0f} kB)")


if __name__ == "__main__":
    main()
