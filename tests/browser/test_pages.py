"""Reports in a real browser: headless Chromium, where there is one."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nstyle
from nstyle.reports.page import Figure, Section, Table, render
from nstyle.reports.plots import line_plot

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER_ITSELF = "not an origin"
"""What the log names as the initiator where Chromium asks for something of its own, such as an update."""
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> str:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium is installed: pages are not opened in a browser")
    return found


def open_page(browser: str, page: Path, folder: Path, *options: str) -> tuple[set[str], str]:
    """Open a page; return the addresses that it asked for, and what the console said."""
    net_log = folder / "net.json"
    command = [
        browser,
        *QUIET,
        f"--user-data-dir={folder / 'profile'}",
        f"--log-net-log={net_log}",
        "--enable-logging=stderr",
        *options,
        page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    log = json.loads(net_log.read_text())
    requests = [event["params"] for event in log["events"] if "initiator" in event.get("params", {})]
    asked = {request["url"] for request in requests if request["initiator"] != BROWSER_ITSELF}
    console = [line for line in done.stderr.decode().splitlines() if "CONSOLE" in line]
    return asked, "\n".join(console)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, model: Path, photo: Path) -> Path:
    folder = tmp_path_factory.mktemp("blends")
    return nstyle.interpolate(photo, model, out=folder, steps=2, size=64)


def test_a_report_opens_without_errors_and_without_the_network(browser: str, page: Path, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    asked, console = open_page(browser, page, tmp_path, f"--screenshot={picture}", "--window-size=900,1600")
    assert console == ""
    assert asked == set()
    with Image.open(picture) as shot:
        pixels = np.asarray(shot.convert("RGB"))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 500  # Embedded pictures are there, not only text.


def test_the_check_above_can_fail(browser: str, page: Path, tmp_path: Path) -> None:
    """A page that does ask for something, and does raise an error, is noticed."""
    bad = tmp_path / "bad.html"
    bad.write_text("<img src='http://127.0.0.1:9/x.png'><script>throw new Error('broken')</script>")
    asked, console = open_page(browser, bad, tmp_path, f"--screenshot={tmp_path / 'bad.png'}")
    assert asked == {"http://127.0.0.1:9/x.png"}
    assert "broken" in console


@pytest.mark.parametrize("width", [500, 1100])
def test_no_page_is_wider_than_its_window(browser: str, tmp_path: Path, width: int) -> None:
    """Wide tables and strips scroll by themselves, on a phone too."""
    plot = line_plot([0, 1], {"a": [1, 2]}, x_label="x", y_label="y")
    figures = [
        Figure.of_plot("plot", "A plot", plot),
        Figure.of_picture("wide", "A strip", Image.new("RGB", (3000, 200), "red")),
    ]
    table = Table([f"column {i}" for i in range(30)], [[f"value {i}" for i in range(30)]])
    html = render(
        "A title that is not short",
        [Section("One", "Text. " * 80, figures, [table], ["nstyle " + "word " * 60])],
        "foot",
    )
    report = "<script>document.title = document.documentElement.scrollWidth + ' of ' + innerWidth</script></body>"
    path = tmp_path / "page.html"
    path.write_text(html.replace("</body>", report))
    command = [
        browser,
        *QUIET,
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={width},900",
        "--dump-dom",
        path.as_uri(),
    ]
    dom = subprocess.run(command, capture_output=True, timeout=120, check=True).stdout.decode()
    needed, there = (int(word) for word in dom.split("<title>")[1].split("</title>")[0].split(" of "))
    assert needed <= there
