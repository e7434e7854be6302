"""Losses as pure functions of features, and the perceptual loss that combines them."""
