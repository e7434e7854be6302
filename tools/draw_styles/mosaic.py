"""Draw tiles of glass along rings, with dark grout between them."""

import numpy as np
from canvas import HEIGHT, WIDTH, Array, palette_at, smooth_noise, to_style
from PIL import Image, ImageDraw

SCALE = 2
"""The factor by which the picture is drawn larger and then reduced, for smooth edges."""
PALETTE = ((20, 62, 108), (37, 122, 153), (92, 178, 170), (240, 196, 92), (222, 116, 58), (150, 42, 52))


def mosaic(draw: np.random.Generator) -> Image.Image:
    """Draw irregular tiles along rings, each of one colour, with dark grout."""
    width, height = SCALE * WIDTH, SCALE * HEIGHT
    tile = 15 * SCALE
    image = Image.new("RGB", (width, height), (34, 30, 36))
    pen = ImageDraw.Draw(image)
    hue = smooth_noise((height, width), 190 * SCALE, draw)
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
            if not (-tile <= middle[0] < width + tile and -tile <= middle[1] < height + tile):
                continue
            here = hue[min(height - 1, max(0, int(middle[1]))), min(width - 1, max(0, int(middle[0])))]
            position = (0.5 + 0.22 * here + radius / width + draw.normal(0, 0.06)) % 1
            color = palette_at(np.array(position), PALETTE) + draw.normal(0, 12) + draw.normal(0, 4, 3)
            points = np.array([corner + draw.normal(0, 0.05 * tile, 2) for corner in corners])
            lay_tile(pen, points, color, 0.07 * tile)
    grain = 5 * smooth_noise((height, width), 2.5 * SCALE, draw)
    return to_style(np.asarray(image, dtype=np.float64) + grain[..., None])


def lay_tile(pen: ImageDraw.ImageDraw, points: Array, color: Array, bevel: float) -> None:
    """Draw a tile of glass with corners (4, 2), lit on its upper left edge and shaded on its lower right one."""
    for shift, tint in ((0.0, -48), (-bevel, 42), (-0.35 * bevel, 0)):
        shrunk = points.mean(axis=0) + (points - points.mean(axis=0)) * (1.0 if shift == 0 else 0.88) + shift
        pen.polygon([tuple(point) for point in shrunk], fill=tuple(int(c) for c in (color + tint).clip(0, 255)))
