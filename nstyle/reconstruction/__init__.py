"""Reconstructions: pictures are optimized to match the style of one picture, the content of another, or both."""
