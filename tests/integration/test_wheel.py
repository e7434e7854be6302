"""What is installed: a built wheel holds the model and nothing unneeded, and paints."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
WHEEL_BYTES, SDIST_BYTES = 6_500_000, 7_000_000
"""Most that may be downloaded."""
TOP = {"nstyle", "checkpoints", "data", "docs", "tests", "tools", "nstyle.egg-info"}
TOP |= {
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "LICENSE",
    "MANIFEST.in",
    "PKG-INFO",
    "README.md",
    "pyproject.toml",
    "setup.cfg",
}
"""What lies on the source distribution's first level, and all of it."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # The source distribution first, and the wheel from it: both are tested, and no build folder is left in the
    # checkout.
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


def shipped() -> set[str]:
    """Return the models that git tracks; outside of a repository, those that are there."""
    tracked = subprocess.run(["git", "ls-files", "checkpoints"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = tracked.stdout.split() or [
        path.relative_to(ROOT).as_posix() for path in (ROOT / "checkpoints").rglob("*.safetensors")
    ]
    return {name for name in names if name.endswith(".safetensors")}


def test_source_distribution_holds_what_it_takes_to_build_and_test(built: Path) -> None:
    path = next(built.glob("*.tar.gz"))
    with tarfile.open(path) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    assert {name.split("/")[0] for name in names} == TOP
    for folder, pattern in (
        ("tests", "*.py"),
        ("tools", "*.py"),
        ("nstyle", "*.py"),
        ("docs", "*.md"),
        ("data/styles", "*.jpg"),
    ):
        assert {f"{file.relative_to(ROOT).as_posix()}" for file in (ROOT / folder).rglob(pattern)} <= names
    assert {name for name in names if name.endswith(".safetensors")} == shipped()
    assert path.stat().st_size < SDIST_BYTES


def test_wheel_holds_the_model_the_sample_styles_and_nothing_unneeded(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    rooms = {name.split("/")[0] for name in names}
    information = next(r for r in rooms if r.endswith(".dist-info"))
    assert rooms == {"nstyle", information}
    package = {name for name in names if not name.startswith(information)}
    assert {f"nstyle/{name}" for name in shipped()} == {name for name in package if name.endswith(".safetensors")}
    assert "nstyle/checkpoints/default.safetensors" in names
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "nstyle").rglob("*.py")}
    assert modules <= package
    assert {PurePosixPath(name).suffix for name in package} <= {
        ".py",
        ".typed",
        ".json",
        ".jinja",
        ".safetensors",
        ".md",
        ".jpg",
    }
    assert not {name for name in package if {"tests", "tools", "docs", "__pycache__"} & set(PurePosixPath(name).parts)}
    assert {f"nstyle/sample_styles/{name}.jpg" for name in ("strokes", "mosaic", "hatching", "waves")} <= set(names)
    assert "nstyle/py.typed" in names
    assert "nstyle/encoders/fingerprints.json" in names
    assert "nstyle/reports/templates/page.html.jinja" in names
    assert wheel.stat().st_size < WHEEL_BYTES


def test_wheel_paints(wheel: Path, photo: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    code = (
        "import nstyle, sys; assert nstyle.__file__.startswith(sys.argv.pop()), nstyle.__file__; "
        "from nstyle.cli import main; main()"
    )
    command = [
        sys.executable,
        "-c",
        code,
        "stylize",
        str(photo),
        "--styles",
        "great-wave,starry-night",
        "--out",
        "out.png",
        str(site),
    ]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.png").exists()
    info = [*command[:3], "info", "default", str(site)]
    described = subprocess.run(info, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert f"{site}" in described.stdout, "the model must come from the wheel"


def test_sample_styles_come_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = "from nstyle.data.samples import sample_styles; print(*sample_styles().values(), sep='\\n')"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    paths = [Path(line) for line in done.stdout.splitlines()]
    assert [path.stem for path in paths] == ["hatching", "mosaic", "strokes", "waves"]
    assert {path.parent for path in paths} == {tmp_path / "nstyle" / "sample_styles"}
