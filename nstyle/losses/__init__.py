"""Pure functions of features, and the perceptual loss over them."""
