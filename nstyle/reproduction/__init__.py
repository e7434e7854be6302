"""The experiments of the sources, each by one command: ``nstyle reproduce``."""
