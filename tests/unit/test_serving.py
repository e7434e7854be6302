"""The programs of docs/serving.md, as a reader copies them."""

import asyncio
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import nstyle
from nstyle.exports.form import ExportForm

PAGE = Path(__file__).parents[2] / "docs" / "serving.md"


def program(word: str) -> str:
    """Return the program of the page that holds a word."""
    programs = re.findall(r"^```python[^\n]*\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (found,) = [text for text in programs if word in text]
    return found


@pytest.fixture
def exported(model: Path, tmp_path: Path, photo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with ``nstyle.onnx`` and ``photo.jpg``, in which programs run."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    nstyle.export(model, tmp_path / "nstyle.onnx")
    (tmp_path / "photo.jpg").write_bytes(photo.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_from_python(exported: Path, stylizer: nstyle.Stylizer) -> None:
    exec(program("painted.png").replace("munch-the-scream", "plain"), {})
    with Image.open("painted.png") as painted:
        expected = stylizer.stylize("photo.jpg", "plain", grain=0)
        assert np.abs(np.asarray(painted, np.int16) - np.asarray(expected, np.int16)).mean() < 1


@pytest.fixture
def server(exported: Path) -> Any:
    pytest.importorskip("fastapi")
    httpx = pytest.importorskip("httpx")
    names: dict[str, Any] = {}
    exec(compile(program("FastAPI"), "serve.py", "exec", dont_inherit=True), names)

    def post(style: list[str], content: bytes) -> Any:
        async def send() -> Any:
            transport = httpx.ASGITransport(app=names["app"])
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.post("/stylize", params={"style": style}, content=content)

        return asyncio.run(send())

    return post, names


def test_a_server_paints_one_style_or_a_batch(server: Any, stylizer: nstyle.Stylizer, photo: Path) -> None:
    post, _ = server
    answer = post(["plain"], photo.read_bytes())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    expected = np.asarray(stylizer.stylize(photo, "plain", grain=0), np.int16)
    assert np.abs(np.asarray(Image.open(io.BytesIO(answer.content)), np.int16) - expected).mean() < 1
    batch = post(["hokusai-great-wave", "plain"], photo.read_bytes())
    with zipfile.ZipFile(io.BytesIO(batch.content)) as archive:
        assert archive.namelist() == ["hokusai-great-wave.png", "plain.png"]
        painted = np.asarray(Image.open(io.BytesIO(archive.read("plain.png"))), np.int16)
    assert np.abs(painted - expected).mean() < 1


def test_a_server_bounds_what_it_takes(server: Any, photo: Path) -> None:
    post, names = server
    assert post(["nobody"], photo.read_bytes()).status_code == 404
    assert post(["plain"], b"no picture").status_code == 400
    assert post(["plain"] * 5, photo.read_bytes()).status_code == 422
    thin = io.BytesIO()
    Image.new("L", (200_000, 1)).save(thin, format="PNG")
    assert post(["plain"], thin.getvalue()).status_code == 413
    names["MOST_PIXELS"] = 1000
    assert post(["plain"], photo.read_bytes()).status_code == 413
    names["MOST_BYTES"] = 1000
    assert post(["plain"], photo.read_bytes()).status_code == 413


@pytest.mark.parametrize("size", [(1, 2), (7, 5), (50, 37), (64, 130)])
def test_the_export_form_paints_what_the_network_paints(stylizer: nstyle.Stylizer, size: tuple[int, int]) -> None:
    images, mixes = torch.rand(2, 3, *size), torch.tensor([[0.5, 0.5, 0], [0, 0, 1]])
    with torch.inference_mode():
        painted = ExportForm(stylizer.network)(images, mixes)
    for picture, image, mix in zip(painted, images, mixes, strict=True):
        torch.testing.assert_close(picture, stylizer.stylize(image, mix.tolist(), tiling="whole"), atol=1e-4, rtol=0)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_torch_export_takes_the_export_form_with_free_sizes(
    stylizer: nstyle.Stylizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(nstyle, "load", lambda model: stylizer, raising=False)
    names: dict[str, Any] = {}
    exec(program("slim.pt2").replace("16", "3"), names)
    assert names["stylized"].shape == (1, 3, 50, 37)
    image = torch.rand(1, 3, 21, 90)
    expected = stylizer.stylize(image, [0.2, 0.3, 0.5], tiling="whole")
    torch.testing.assert_close(names["painter"](image, torch.tensor([[0.2, 0.3, 0.5]])), expected, atol=1e-4, rtol=0)
