"""Run a command of the checkout, and copy its output to a log and to the terminal."""

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
"""The seconds between checks whether to stop."""
PATIENCE = 60.0
"""The seconds that a process has to save and exit after SIGTERM."""


def run(
    command: Sequence[str], log: Path, root: Path, stop: Callable[[], bool] = lambda: False, **environment: str
) -> int:
    """Run a command to its end, or until it is time to stop; it then gets one SIGTERM, after which it may save.

    Args:
        command: The arguments for this Python.
        log: The file to which the output is appended.
        root: The checkout, from which nstyle is imported whether it is installed or not.
        stop: A function that is called repeatedly and tells whether to stop.
        environment: The environment variables to set.

    Returns:
        The exit status, negative for a signal as in :mod:`subprocess`.
    """
    paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(paths), **environment}
    full = [sys.executable, *command]
    with log.open("ab") as file:
        file.write(f"$ {shlex.join(full)}\n".encode())
        # The process gets a session of its own. Ctrl-C must not reach it in addition to our SIGTERM, as a second signal
        # ends it before it has saved.
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
    """Terminate a process, wait for it, and kill the rest of its session."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
