"""What is installed: a built wheel holds the model and nothing unneeded, and paints."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # The source distribution first, and the wheel from it: both are tested, and no build folder is left in the checkout.
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(folder.glob("*.whl"))


def test_wheel_holds_the_model_and_nothing_unneeded(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    rooms = {name.split("/")[0] for name in names}
    assert rooms == {"nstyle", next(r for r in rooms if r.endswith(".dist-info"))}
    assert "nstyle/checkpoints/default.safetensors" in names
    assert "nstyle/py.typed" in names
    assert "nstyle/reconstruction/fingerprints.json" in names
    assert "nstyle/reports/templates/page.html.jinja" in names
    assert wheel.stat().st_size < 5_000_000


def test_wheel_paints(wheel: Path, photo: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    code = "import nstyle, sys; assert nstyle.__file__.startswith(sys.argv.pop()), nstyle.__file__; from nstyle.cli import main; main()"
    command = [sys.executable, "-c", code, "stylize", str(photo), "--styles", "great-wave,starry-night", "--output", "out.png", str(site)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(site)}, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.png").exists()
    assert f"{site}" in done.stderr, "the model must come from the wheel"
