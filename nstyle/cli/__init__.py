"""The command line: one file per command, which parses, calls and prints, and nothing else."""

from nstyle.cli.app import main

__all__ = ["main"]
