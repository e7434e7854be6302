"""Run a command of the checkout, its output to a log and to the terminal."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import IO

LOOK_EVERY = 0.5
"""Seconds between questions whether to stop."""
PATIENCE = 60.0
"""Seconds that a process has to save and end after SIGTERM."""


def run(
    command: Sequence[str], log: Path, root: Path, stop: Callable[[], bool] = lambda: False, **environment: str
) -> int:
    """Run a command to its end, or until it is time to stop; then it gets one SIGTERM, after which it may save.

    Args:
        command: Arguments of this Python.
        log: Its output is appended here.
        root: The checkout, from which nstyle is imported whether it is installed or not.
        stop: Asked again and again.
        environment: Variables to set.

    Returns:
        The exit status; negative for a signal, as :mod:`subprocess` has it.
    """
    paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(paths), **environment}
    full = [sys.executable, *command]
    with log.open("ab") as file:
        file.write(f"$ {shlex.join(full)}\n".encode())
        # A session of its own: Ctrl-C must not reach it beside our SIGTERM, as a second signal ends it before it has
        # saved.
        process = subprocess.Popen(
            full, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=root, env=env, start_new_session=True
        )
        assert process.stdout is not None
        pump = Thread(target=_pump, args=(process.stdout, file), daemon=True)
        pump.start()
        try:
            while process.poll() is None and not stop():
                time.sleep(LOOK_EVERY)
        finally:
            _end(process)
            pump.join(timeout=5)
    return process.returncode


def last_words(log: Path) -> str:
    """Return the last line of a log, in which a command says why it failed."""
    written = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return f"{written[-1][:200] if written else 'not a word'} (see {log.name})"


def _pump(output: IO[bytes], log: IO[bytes]) -> None:
    while chunk := os.read(output.fileno(), 65536):
        log.write(chunk)
        log.flush()
        sys.stdout.buffer.write(chunk)
        sys.stdout.flush()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask a process to end, wait, and end what is left of its session."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
