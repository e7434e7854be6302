"""The largest picture, known without Pillow."""

MAX_PIXELS = 250_000_000
"""The largest number of pixels. A larger picture is refused before it is decoded, as a header can claim any size. This
replaces Pillow's own, lower limit and its warnings."""
