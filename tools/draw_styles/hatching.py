"""Draw in pen and ink: cross-hatching on cream paper, denser in dark areas, over thin washes of colour."""

import numpy as np
from canvas import HEIGHT, WIDTH, Array, palette_between, smooth_noise, to_style
from PIL import Image, ImageChops, ImageDraw, ImageFilter

SCALE = 3
"""The factor by which the picture is drawn larger and then reduced, for fine lines."""
PAPER = np.array([246.0, 236.0, 210.0])
INK = np.array([38.0, 30.0, 52.0])
WASHES = ((206, 220, 196), (248, 212, 146), (236, 172, 132), (180, 198, 216))
LAYERS = ((0.0, 0.06), (0.85, 0.34), (-0.6, 0.52), (1.5, 0.7))
"""The angle of the lines to the form in radians, and the darkness from which they are drawn, by layer."""
SPACING = 4.6
LENGTH = 40.0
PEN = 1.55
"""The distance of the lines, their length, and the width of the pen in pixels."""
STEPS = 7
"""The number of points along a line."""
STONES = 60


def stones(shape: tuple[int, int], draw: np.random.Generator) -> tuple[Array, Array]:
    """Return the height (H, W) of round stones heaped on rolling ground, and the visible stone, 0 for the ground."""
    height, width = shape
    y, x = np.mgrid[0:height, 0:width]
    ground = 26 * smooth_noise(shape, 150, draw)
    seen = np.zeros(shape)
    for k in range(1, STONES + 1):
        radius = draw.uniform(26, 84)
        center_x, center_y = draw.uniform(0, width), draw.uniform(0, height)
        squeeze, turn = draw.uniform(0.7, 1.0), draw.uniform(0, np.pi)
        dx, dy = x - center_x, y - center_y
        u, v = dx * np.cos(turn) + dy * np.sin(turn), (dy * np.cos(turn) - dx * np.sin(turn)) / squeeze
        inside = radius**2 - u**2 - v**2
        dome = np.where(inside > 0, np.sqrt(np.clip(inside, 0, None)) + draw.uniform(-20, 30), -1e9)
        seen = np.where(dome > ground, k, seen)
        ground = np.maximum(ground, dome)
    return ground, seen


def darkness(surface: Array, seen: Array, draw: np.random.Generator) -> Array:
    """Return the darkness (H, W) in [0, 1] of a surface lit from the upper left, with deep shadows in its folds."""
    slope_y, slope_x = np.gradient(surface)
    slope = np.sqrt(1 + slope_x**2 + slope_y**2)
    light = (0.5 * slope_x + 0.55 * slope_y + 0.66) / slope
    folds = sum(np.clip(np.roll(surface, shift, (0, 1)) - surface, 0, 40) / 40 for shift in ((7, 5), (16, 11)))
    tone = 0.92 - 0.95 * np.clip(light, 0, 1) + 0.22 * folds + 0.07 * smooth_noise(surface.shape, 60, draw)
    return np.clip(tone, 0, 1)


def hatch(
    pen: ImageDraw.ImageDraw, tone: Array, seen: Array, direction: Array, from_tone: float, draw: np.random.Generator
) -> None:
    """Draw one layer of tapering lines along the direction, where the tone is dark enough, each within a single
    stone."""
    height, width = tone.shape
    step = LENGTH * 0.72
    for row in np.arange(-LENGTH, height + LENGTH, SPACING):
        for column in np.arange(-LENGTH, width + LENGTH, step):
            x, y = column + draw.uniform(0, step), row + draw.normal(0, 0.9)
            length = LENGTH * draw.uniform(0.7, 1.25)
            line = follow(x, y, length, direction)
            inside = np.clip(line.astype(int), 0, (width - 1, height - 1))
            excess = tone[inside[:, 1], inside[:, 0]] - from_tone
            swell = np.sin(np.linspace(0.25, np.pi - 0.08, STEPS)) ** 0.6
            pressure = PEN * swell * np.clip(0.35 + 2.4 * excess, 0, 1.15) * draw.uniform(0.8, 1.1) * (excess > 0)
            stone = seen[inside[:, 1], inside[:, 0]]
            pressure = pressure * (stone == stone[STEPS // 2])
            line = line + draw.normal(0, 0.25, line.shape)
            for (x0, y0), (x1, y1), thick in zip(
                line[:-1] * SCALE, line[1:] * SCALE, (pressure[:-1] + pressure[1:]) / 2, strict=True
            ):
                if thick > 0.3:
                    pen.line((x0, y0, x1, y1), fill=255, width=max(1, round(thick * SCALE)))


def follow(x: float, y: float, length: float, direction: Array) -> Array:
    """Follow a field of directions, and return the points (STEPS, 2) as x, y."""
    height, width = direction.shape
    points = [(x, y)]
    for _ in range(STEPS - 1):
        here = direction[min(height - 1, max(0, int(y))), min(width - 1, max(0, int(x)))]
        x, y = x + length / (STEPS - 1) * np.cos(here), y + length / (STEPS - 1) * np.sin(here)
        points.append((x, y))
    return np.array(points)


def hatching(draw: np.random.Generator) -> Image.Image:
    """Draw a heap of stones with the pen, and tint it."""
    shape = (HEIGHT, WIDTH)
    surface, seen = stones(shape, draw)
    tone = darkness(surface, seen, draw)
    bend = 0.35 * smooth_noise(shape, 120, draw)
    lean = draw.uniform(-0.5, 0.5, STONES + 1)[seen.astype(int)]
    ink = Image.new("L", (WIDTH * SCALE, HEIGHT * SCALE))
    pen = ImageDraw.Draw(ink)
    for turn, from_tone in LAYERS:
        hatch(pen, tone, seen, -0.8 + turn + bend + lean, from_tone, draw)
    outline = Image.fromarray(seen.astype(np.uint8)).resize(ink.size, Image.Resampling.NEAREST)
    outline = outline.filter(ImageFilter.ModeFilter(9))
    stone = np.asarray(outline)
    edges = (stone != np.roll(stone, 1, 0)) | (stone != np.roll(stone, 1, 1))
    contour = Image.fromarray(255 * edges.astype(np.uint8)).filter(ImageFilter.MaxFilter(3))
    ink = ImageChops.lighter(ink, contour)
    inked = np.asarray(ink.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS), dtype=np.float64) / 255
    tint = draw.uniform(0, 1, STONES + 1)
    tint[0] = 0.03
    wash = palette_between(tint[seen.astype(int)] + 0.05 * bend, WASHES)
    water = np.clip(np.where(seen > 0, 0.3, 0.0) + 0.75 * tone + 0.15 * smooth_noise(shape, 40, draw), 0, 1)[..., None]
    grain = 1.5 * smooth_noise(shape, 2.5, draw) + 2.5 * smooth_noise(shape, 12, draw)
    paper = PAPER * (1 - water) + wash * water + grain[..., None]
    blot = np.clip(inked * (0.94 + 0.06 * smooth_noise(shape, 3, draw)), 0, 1)[..., None]
    return to_style(paper * (1 - blot) + INK * blot)
