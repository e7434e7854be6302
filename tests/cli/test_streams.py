"""Standard streams that are closed, full, or take no Unicode: one line, the right status, nothing at exit."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from nstyle.errors import one_line

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="redirections of a POSIX shell")
FULL = "nstyle: cannot write to standard output: No space left on device; check where it goes\n"
CLOSED = "nstyle: cannot write to standard output: Bad file descriptor; check where it goes\n"


def shell(command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command line of ``nstyle`` in a shell."""
    line = f"{shlex.quote(sys.executable)} -m nstyle {command}"
    env = {**os.environ, **environment}
    return subprocess.run(["sh", "-c", line], cwd=cwd, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("command", ["--version", "train --help", "models --json"])
@pytest.mark.parametrize(("redirection", "message"), [("> /dev/full", FULL), (">&-", CLOSED)])
def test_what_cannot_be_printed_is_one_line(command: str, redirection: str, message: str, tmp_path: Path) -> None:
    done = shell(f"{command} {redirection}", tmp_path)
    assert (done.returncode, done.stderr) == (1, message)


@pytest.mark.parametrize("redirection", ["2>&-", "2> /dev/full", "<&-", "<&- 2>&-"])
def test_other_streams_may_be_closed(redirection: str, tmp_path: Path) -> None:
    done = shell(f"--version {redirection}", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("nstyle ")
    refused = shell(f"info nothing {redirection}", tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")


def test_a_reader_that_goes_away_ends_the_command_silently(tmp_path: Path) -> None:
    done = shell("train --help | true", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", ["stylize a.jpg", "--help"])
def test_wrong_ranks_are_one_line(command: str, tmp_path: Path) -> None:
    done = shell(command, tmp_path, RANK="x", WORLD_SIZE="2", LOCAL_RANK="0")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("nstyle: the environment has RANK=x, WORLD_SIZE=2, LOCAL_RANK=0; expected")


def test_a_rank_without_the_others_is_one_line(tmp_path: Path) -> None:
    done = shell("stylize a.jpg", tmp_path, RANK="0", WORLD_SIZE="2", LOCAL_RANK="0")
    assert done.returncode == 2
    assert done.stderr == "nstyle: the environment has WORLD_SIZE=2 and no MASTER_ADDR; start with torchrun\n"


def test_names_that_are_no_unicode_are_escaped_whatever_the_locale(tmp_path: Path) -> None:
    for encoding in ("utf-8:strict", "ascii:strict"):
        done = shell("info $(printf 'caf\\351')", tmp_path, PYTHONIOENCODING=encoding)
        assert done.returncode == 2
        assert done.stderr.startswith(r"nstyle: model 'caf\udce9' not found")


def test_messages_are_one_line() -> None:
    assert one_line("a\nb\r\x1b[31m\x7f\udce9\u2028c") == r"a\nb\r\x1b[31m\x7f\udce9\u2028c"
    assert one_line("Éluard 3\u00a0px, 日本") == "Éluard 3\u00a0px, 日本"
