"""The formats that are read and written."""

READ = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "PPM", "AVIF")
"""Pillow's names of the formats that are read, whatever a file is called. Pillow knows others whose decoders start
other programs, such as Ghostscript for EPS."""
EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".pgm", ".avif"}
)
"""The extensions of files that count as pictures when a folder is listed."""
WRITABLE = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".avif"})
JPEG_QUALITY = 95
