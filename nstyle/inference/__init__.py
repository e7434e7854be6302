"""Stylize pictures with mixes of styles."""
