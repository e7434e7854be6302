"""Optimize pixels to see what each VGG layer and each loss captures: style, content, or both."""
