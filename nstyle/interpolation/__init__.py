"""Blend styles along paths through the simplex of weights, and measure how losses and pixels change along them."""
