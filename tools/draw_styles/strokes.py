"""Draw thick brush strokes that follow a flow, with the relief of the bristles."""

from dataclasses import dataclass

import numpy as np
from canvas import HEIGHT, WIDTH, Array, palette_between, smooth_noise, to_style
from PIL import Image

SCALE = 1.5
"""The factor by which the picture is painted larger and then reduced."""
PALETTE = (
    (48, 30, 84),
    (128, 38, 104),
    (214, 84, 118),
    (250, 168, 120),
    (252, 230, 160),
    (146, 178, 96),
    (22, 108, 98),
    (30, 60, 112),
)
LAYERS = ((34, 150, 420), (22, 105, 900), (14, 74, 1500), (8, 46, 900))
"""The width and length of the strokes in pixels of the picture, and their number, from the ground to the accents."""
LIGHT = np.array([-0.62, -0.72])
"""The direction (x, y) from which light grazes the paint: the upper left."""


@dataclass(frozen=True)
class Stroke:
    """One stroke of the brush."""

    center: tuple[float, float]
    angle: float
    length: float
    width: float
    bend: float
    """The curvature in 1 / pixels."""
    colors: tuple[Array, Array]
    """The colours of the two halves of the brush."""


class Painting:
    """The colour and thickness of wet paint.

    Args:
        shape: The height and width.
        draw: The random number generator.
    """

    def __init__(self, shape: tuple[int, int], draw: np.random.Generator) -> None:
        self.color = np.tile(np.array(PALETTE[1], dtype=np.float64), (*shape, 1))
        self.relief = np.zeros(shape)
        self.draw = draw
        self.streaks = smooth_noise((512, 1024), 2.6, draw) * 0.65 + smooth_noise((512, 1024), 7, draw) * 0.5

    def put(self, stroke: Stroke) -> None:
        """Paint a stroke over the existing paint."""
        radius = int(0.5 * stroke.length + stroke.width)
        height, width = self.relief.shape
        x, y = stroke.center
        left, right = max(0, int(x) - radius), min(width, int(x) + radius)
        top, bottom = max(0, int(y) - radius), min(height, int(y) + radius)
        if left >= right or top >= bottom:
            return
        dy, dx = np.mgrid[top:bottom, left:right] - np.array([y, x])[:, None, None]
        along = dx * np.cos(stroke.angle) + dy * np.sin(stroke.angle)
        across = -dx * np.sin(stroke.angle) + dy * np.cos(stroke.angle) - 0.5 * stroke.bend * along**2
        s, t = along / stroke.length, across / stroke.width
        bristle = self._bristles(along, across)
        edge = (0.5 - np.abs(t) + 0.05 * bristle) * stroke.width / 2
        end = (0.5 - np.abs(s) + (0.03 + 0.06 * (s > 0)) * bristle) * stroke.length / 5
        cover = np.clip(np.minimum(edge, end), 0, 1)
        ridge = np.exp(-(((np.abs(t) - 0.4) / 0.09) ** 2)) + 0.8 * np.exp(-(((s - 0.44) / 0.04) ** 2))
        thickness = stroke.width**0.5 * (0.5 + 0.33 * bristle + 0.5 * ridge)
        share = np.clip(0.5 + 1.1 * t + 0.35 * bristle, 0, 1)[..., None]
        color = (1 - share) * stroke.colors[0] + share * stroke.colors[1] + 9 * bristle[..., None]
        window = np.s_[top:bottom, left:right]
        self.color[window] += cover[..., None] * (color - self.color[window])
        self.relief[window] += cover * (0.25 * self.relief[window] + thickness - self.relief[window])

    def _bristles(self, along: Array, across: Array) -> Array:
        """Return streaks that are long in the direction of the stroke and as fine as bristles across it."""
        rows, columns = self.streaks.shape
        first, second = self.draw.integers(rows), self.draw.integers(columns)
        return self.streaks[(across * 1.6 + first).astype(int) % rows, (along * 0.09 + second).astype(int) % columns]

    def lit(self) -> Array:
        """Return the colours (H, W, 3) under grazing light, with a little gloss on the ridges."""
        smooth = self.relief
        for axis in (0, 1):
            smooth = 0.5 * smooth + 0.25 * (np.roll(smooth, 1, axis) + np.roll(smooth, -1, axis))
        slope_y, slope_x = np.gradient(smooth)
        light = np.tanh(0.55 * (LIGHT[0] * slope_x + LIGHT[1] * slope_y) * -1)
        shade = 1 + 0.42 * light
        gloss = 70 * np.clip(light - 0.35, 0, 1) ** 1.5
        return self.color * shade[..., None] + gloss[..., None]


def strokes(draw: np.random.Generator) -> Image.Image:
    """Paint a garden of colours in layers of progressively smaller strokes along the swirls of a flow."""
    shape = (int(HEIGHT * SCALE), int(WIDTH * SCALE))
    potential = smooth_noise(shape, 210 * SCALE, draw) + 0.35 * smooth_noise(shape, 90 * SCALE, draw)
    slope_y, slope_x = np.gradient(potential)
    angle = np.arctan2(-slope_x, slope_y)
    hue = 0.17 * potential + 0.11 * smooth_noise(shape, 70 * SCALE, draw) + 0.35
    painting = Painting(shape, draw)
    for width, length, count in LAYERS:
        places = np.column_stack([draw.uniform(0, shape[1], count), draw.uniform(0, shape[0], count)])
        for x, y in places:
            here = angle[int(y), int(x)]
            ahead_x, ahead_y = x + 12 * np.cos(here), y + 12 * np.sin(here)
            ahead = angle[min(shape[0] - 1, max(0, int(ahead_y))), min(shape[1] - 1, max(0, int(ahead_x)))]
            turn = (ahead - here + np.pi) % (2 * np.pi) - np.pi
            position = hue[int(y), int(x)] + draw.normal(0, 0.035) + (0.5 if draw.random() < 0.05 else 0)
            load = palette_between(np.array([position, position + draw.normal(0, 0.06)]), PALETTE) + draw.normal(0, 11)
            painting.put(
                Stroke(
                    center=(x, y),
                    angle=here + draw.normal(0, 0.1),
                    length=length * SCALE * draw.uniform(0.7, 1.2),
                    width=width * SCALE * draw.uniform(0.75, 1.15),
                    bend=float(np.clip(turn / 12, -0.012, 0.012)),
                    colors=(load[0], load[1]),
                )
            )
    return to_style(painting.lit())
