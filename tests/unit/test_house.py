"""The house itself: imports point one way, and the public names are there."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nstyle

LEVELS = {
    "errors": 0,
    "image": 1,
    "animation": 2,
    "layout": 2,
    "interrupt": 1,
    "distributed": 1,
    "models": 2,
    "losses": 3,
    "tiling": 3,
    "data": 4,
    "training": 5,
    "inference": 5,
    "reconstruction": 5,
    "comparison": 6,
    "interpolation": 6,
    "reports": 7,
    "demo": 8,
    "cli": 9,
}
PACKAGE = Path(nstyle.__file__).parent


def test_imports_point_one_way() -> None:
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).parts
        room = parts[0].removesuffix(".py")
        if room not in LEVELS:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("nstyle.")):
                continue
            other = node.module.split(".")[1]
            where = f"{path.relative_to(PACKAGE.parent)}: imports {node.module}"
            assert other == room or LEVELS[other] < LEVELS[room], where


@pytest.mark.parametrize(
    ("module", "heavy"),
    [("nstyle.models.locate", "torch"), ("nstyle.inference.batch", "torchvision"), ("nstyle.inference.batch", "matplotlib")],
)
def test_start_up_does_not_wait_for_what_it_does_not_need(module: str, heavy: str) -> None:
    code = f"import sys, {module}; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_names_exist_and_torch_is_imported_late() -> None:
    assert set(nstyle.__all__) <= set(dir(nstyle))
    for name in nstyle.__all__:
        assert getattr(nstyle, name).__doc__
    code = "import sys, nstyle, nstyle.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
