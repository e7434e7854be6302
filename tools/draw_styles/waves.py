"""Draw curling bands of colour with dark edges, as on a woodblock print or in marbled paper."""

import numpy as np
from canvas import HEIGHT, WIDTH, palette_at, smooth_noise, to_style
from PIL import Image, ImageFilter

SCALE = 2
"""The factor by which the picture is drawn larger and then reduced, for smooth edges."""
PALETTE = ((14, 24, 66), (30, 70, 140), (64, 140, 190), (240, 236, 214), (236, 176, 70), (208, 84, 46))


def waves(draw: np.random.Generator) -> Image.Image:
    """Draw curling bands of colour with fine bristle lines like those of a broad brush."""
    width, height = SCALE * WIDTH, SCALE * HEIGHT
    y, x = np.mgrid[0:height, 0:width] / (100.0 * SCALE)
    for scale, strength in ((220, 0.75), (110, 0.3)):
        bend = smooth_noise((height, width), scale * SCALE, draw)
        x, y = x + strength * bend, y + strength * smooth_noise((height, width), scale * SCALE, draw)
    height_field = y + 0.55 * np.sin(1.7 * x) + 0.25 * np.sin(3.1 * x + 1.3 * y)
    bands = palette_at((0.42 * height_field) % 1, PALETTE)
    bristles = np.sin(52 * height_field + 2 * smooth_noise((height, width), 60 * SCALE, draw))
    strokes = 16 * bristles + 9 * smooth_noise((height, width), 5 * SCALE, draw)
    edge = np.abs(((0.42 * height_field * len(PALETTE)) % 1) - 0.5) > 0.47
    pixels = np.where(edge[..., None], 0.35 * bands, bands + strokes[..., None])
    return to_style(pixels).filter(ImageFilter.GaussianBlur(0.4))
