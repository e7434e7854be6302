"""Files and the folders that they go into."""

import sys
from pathlib import Path

import pytest

from nstyle.system.files import cache_folder


@pytest.mark.skipif(sys.platform != "linux", reason="the folder of other systems is platformdirs' choice")
@pytest.mark.parametrize(("named", "expected"), [("caches", "caches/nstyle"), ("", ".cache/nstyle")])
def test_the_cache_of_earlier_versions_is_found(
    named: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / named) if named else "")
    assert cache_folder() == tmp_path / expected
