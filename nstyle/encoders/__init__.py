"""The frozen perceptual networks, VGG and lite, and their weights."""
