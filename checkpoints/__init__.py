"""The shipped models, read through :mod:`importlib.resources`."""
