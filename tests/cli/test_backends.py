"""``nstyle stylize --backend``: what is imported, and what comes of it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nstyle as package

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def test_onnx_paints_without_torch(model: Path, photo: Path, tmp_path: Path) -> None:
    from nstyle.inference.onnx_painter import OnnxPainter

    OnnxPainter(model, print)  # The export is made with torch, once.
    options = ["--strength", "0.8", "--size", "90", "--grain", "2", "--keep-color", "--out", "out.png"]
    arguments = ["stylize", str(photo), "--model", str(model), "--weights", "2,1,1", "--backend", "onnx", *options]
    code = f"""
import sys
sys.argv = ["nstyle", *{arguments!r}]
from nstyle.cli import main
try:
    main()
finally:
    heavy = {{"torch", "torchvision", "matplotlib", "pycocotools", "tensorboard", "jinja2", "onnx"}}
    print(sorted(heavy & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.stdout == "[]\n", done.stderr
    expected = package.load(model).stylize(photo, [2, 1, 1], strength=0.8, size=90, grain=2, keep_color="luminance")
    with Image.open(tmp_path / "out.png") as written:
        assert written.size == expected.size
        assert np.abs(np.asarray(written, np.int16) - np.asarray(expected, np.int16)).mean() < 1


def test_what_goes_to_torch_is_said_in_one_line(nstyle, model: Path, photo: Path, tmp_path: Path) -> None:
    done = nstyle(
        "stylize", photo, "--model", model, "--style", "plain", "--stroke", "1.5", "--backend", "onnx", "--out", "a.png"
    )
    assert done.returncode == 0
    assert "nstyle: painting with torch, as ONNX Runtime cannot paint --stroke\n" in done.stderr.decode()
    assert (tmp_path / "a.png").is_file()
