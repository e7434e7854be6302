"""A process that has imported the heavy packages and forks for every command line: importing torch takes most of a
short command's time.

Reads a request per line from standard input: a JSON object of ``arguments``, ``cwd``, ``environment`` and ``streams``,
the files of standard input, output and error. Answers with the exit status, as :mod:`subprocess` gives it. Nothing of
nstyle is imported before the fork.
"""

import importlib
import json
import os
import runpy
import signal
import sys
from typing import Any

import torch

HEAVY = ("numpy", "PIL.Image", "safetensors.torch", "torchvision", "typer")
TIMEOUT = 300
"""Seconds after which a command is killed."""


def become(request: dict[str, Any]) -> None:
    """Turn this process into one that was started for the request alone, and run nstyle."""
    for descriptor, (path, flags) in enumerate(
        zip(request["streams"], (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY), strict=True)
    ):
        os.dup2(os.open(path, flags), descriptor)
    sys.stdin = open(0, closefd=False)
    sys.stdout = open(1, "w", closefd=False)
    sys.stderr = open(2, "w", buffering=1, closefd=False, errors="backslashreplace")
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    if threads := os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(int(threads))  # The variable itself is read when torch is imported.
    sys.argv = ["nstyle", *request["arguments"]]
    signal.alarm(TIMEOUT)
    runpy.run_module("nstyle", run_name="__main__", alter_sys=True)


def main() -> None:
    """Serve until standard input ends."""
    for name in HEAVY:
        importlib.import_module(name)
    while line := sys.stdin.readline():
        child = os.fork()
        if child == 0:
            become(json.loads(line))
            return
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
