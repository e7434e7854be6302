"""The house itself: imports point one way, and the public names are there."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nstyle

LEVELS = {
    "errors": 0,
    "version": 0,
    "renamed": 0,
    "settings": 1,
    "settings_file": 1,
    "strict_json": 1,
    "system": 1,
    "imaging": 2,
    "models": 2,
    "encoders": 3,
    "tiling": 3,
    "losses": 4,
    "exports": 4,
    "data": 5,
    "reports": 5,
    "training": 6,
    "inference": 6,
    "reconstruction": 6,
    "comparison": 7,
    "interpolation": 7,
    "video": 7,
    "demo": 8,
    "reproduction": 8,
    "cli": 9,
}
PACKAGE = Path(nstyle.__file__).parent


def test_imports_point_one_way() -> None:
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).parts
        room = parts[0].removesuffix(".py")
        if path.parent == PACKAGE and path.stem in ("__init__", "__main__"):
            continue
        assert room in LEVELS, f"{path.relative_to(PACKAGE.parent)}: a room that is missing from LEVELS"
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert "nstyle" not in [alias.name for alias in node.names], (
                    f"{path.relative_to(PACKAGE.parent)}: imports the whole package"
                )
            if not (isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("nstyle.")):
                continue
            other = node.module.split(".")[1]
            where = f"{path.relative_to(PACKAGE.parent)}: imports {node.module}"
            assert other == room or LEVELS[other] < LEVELS[room], where


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("nstyle.models.locate", "torch"),
        ("nstyle.inference.batch", "torch"),
        ("nstyle.inference.onnx_painter", "torch"),
        *(
            ("nstyle.inference.stylizer", heavy)
            for heavy in ("torchvision", "matplotlib", "jinja2", "pycocotools", "tensorboard", "onnx")
        ),
    ],
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


def test_only_the_command_line_knows_flags() -> None:
    """Messages of the library name settings; whole commands, which the demo and reports show, are no messages."""
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0] in ("cli", "demo") or path.name == "run_description.py":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documentation = {
            id(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
                flags = re.search(r"(?<![\w-])--[a-z][a-z-]+", node.value)
                allowed = "nproc-per-node" in node.value or "nstyle " in node.value
                assert not flags or allowed, f"{path.relative_to(PACKAGE)}:{node.lineno} says {node.value!r}"
