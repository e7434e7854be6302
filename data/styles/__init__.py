"""The drawn sample styles, read through :mod:`importlib.resources` as ``nstyle.sample_styles``."""
