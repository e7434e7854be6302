"""The largest picture and the largest grain, known without Pillow."""

MAX_PIXELS = 250_000_000
"""The largest number of pixels. A larger picture is refused before it is decoded, as a header can claim any size. This
replaces Pillow's own, lower limit and its warnings."""
MAX_GRAIN = 64.0
"""The largest film grain in levels of 255; beyond it a photograph is mostly noise."""
