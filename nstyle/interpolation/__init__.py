"""Blends of styles: ways through the simplex of weights, and how losses and pixels change along them."""
