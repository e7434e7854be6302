"""Mixes of styles, and the stylizer."""
