"""The files of a report: formats of figures, tables, and which report reads which folder."""

import base64
import csv
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image, ImageFont

from nstyle.errors import UsageError
from nstyle.imaging.layout import wrap
from nstyle.reconstruction.all_runs import LINES
from nstyle.reconstruction.report import write_report as report_reconstructions
from nstyle.reports.folder import write_folder
from nstyle.reports.formats import check_formats
from nstyle.reports.names import shortest_names
from nstyle.reports.page import Figure, Section, Table
from nstyle.reports.plots import Line, Panel, line_plot, look, panels_plot
from nstyle.training.report import write_report as report_training


@pytest.fixture(scope="module")
def sections() -> list[Section]:
    plot = line_plot([0, 1], {"100 % of a_b": [1.0, 2.0]}, x_label="update", y_label="loss")
    figures = [
        Figure.of_plot("lines", "Lines", plot),
        Figure.of_picture("photo", "A photo", Image.new("RGB", (40, 30), "red")),
    ]
    table = Table(["style & rate", "loss"], [["a_b, 100 %", "1e-3"], ["\\{x}~^", "2"]])
    return [Section("All runs!", figures=figures, tables=[table, table]), Section("All runs 2", tables=[table])]


@pytest.mark.parametrize(
    ("formats", "expected"),
    [
        ("png,svg", {"lines.png", "lines.svg", "photo.png"}),
        ("pdf", {"lines.pdf", "photo.pdf"}),
        ("svg", {"lines.svg", "photo.png"}),
        ("svg,pdf,pdf", {"lines.svg", "lines.pdf", "photo.png", "photo.pdf"}),
    ],
)
def test_figures_come_in_the_formats_that_are_asked_for(
    formats: str, expected: set[str], sections: list[Section], tmp_path: Path
) -> None:
    for _ in range(2):
        write_folder(tmp_path, "Title", sections, {}, {}, "", check_formats(formats.split(",")))
        there = {path.name for path in tmp_path.iterdir() if path.suffix in (".png", ".svg", ".pdf")}
        assert there == expected
    starts = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
    assert all((tmp_path / name).read_bytes().startswith(starts[Path(name).suffix]) for name in expected)
    assert (tmp_path / "report.html").read_text().count("data:image/png;base64,") == 2
    first = {name: (tmp_path / name).read_bytes() for name in expected}
    write_folder(tmp_path, "Title", sections, {}, {}, "", check_formats(formats.split(",")))
    assert {name: (tmp_path / name).read_bytes() for name in expected} == first
    write_folder(tmp_path, "Title", [], {}, {}, "")
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "report.json"}


def test_tables_come_as_csv_and_as_latex_that_can_be_typeset(sections: list[Section], tmp_path: Path) -> None:
    write_folder(tmp_path, "Title", sections, {}, {}, "")
    assert {path.stem for path in tmp_path.glob("*.tex")} == {
        "table-all-runs", "table-all-runs-2", "table-all-runs-2-2"
    }  # fmt: skip
    with (tmp_path / "table-all-runs.csv").open(newline="") as file:
        assert list(csv.reader(file))[1] == ["a_b, 100 %", "1e-3"]
    lines = (tmp_path / "table-all-runs.tex").read_text().splitlines()
    assert lines[1:] == [
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"style \& rate & loss \\",
        r"\midrule",
        r"a\_b, 100 \% & 1e-3 \\",
        r"\textbackslash{}\{x\}\textasciitilde{}\textasciicircum{} & 2 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


@pytest.mark.parametrize("formats", [[], ["png", "eps"]])
def test_unknown_formats_are_refused(formats: list[str]) -> None:
    with pytest.raises(UsageError, match=r"`formats` is .*expected one or more of png,svg,pdf"):
        check_formats(formats)


def test_lines_differ_without_their_colours() -> None:
    """As many as the 16 styles of the shipped model, and as the runs in one figure of losses."""
    looks = [(style["linestyle"], style["marker"]) for style in map(look, range(max(16, LINES)))]
    assert len(set(looks)) == len(looks)


def test_pictures_and_runs_are_named_as_shortly_as_they_can_be_told_apart() -> None:
    assert shortest_names(["a/one.jpg", "b/one.jpg", "b/two.jpg", "two.jpg"]) == {
        "a/one.jpg": "a/one.jpg", "b/one.jpg": "b/one.jpg", "b/two.jpg": "b/two.jpg", "two.jpg": "two.jpg"
    }  # fmt: skip
    assert shortest_names(["/x/a/one.jpg", "/x/b/two.jpg"]) == {"/x/a/one.jpg": "one.jpg", "/x/b/two.jpg": "two.jpg"}


def test_each_report_names_the_other_where_that_is_the_right_one(tmp_path: Path) -> None:
    files = {
        "run": "metrics.jsonl", "reconstruction": "run.json", "sweep": "sweep.json", "again": "reproduction.json"
    }  # fmt: skip
    run, reconstruction, sweep, again = (tmp_path / name for name in files)
    for folder, file in zip((run, reconstruction, sweep, again), files.values(), strict=True):
        folder.mkdir()
        (folder / file).write_text("{}")
    for folder in (reconstruction, sweep):
        with pytest.raises(UsageError, match=r"it holds reconstructions, which `nstyle reconstruct report` reports on"):
            report_training([folder], tmp_path / "out")
    with pytest.raises(UsageError, match=r"it holds a training run, which `nstyle report` reports on"):
        report_reconstructions([run], tmp_path / "out")
    for report in (report_training, report_reconstructions):
        with pytest.raises(UsageError, match=r"it holds a reproduction, .*; give a folder in it"):
            report([again], tmp_path / "out")
    assert not (tmp_path / "out").exists()


class Markup(HTMLParser):
    """What is open around every element of a page, and the attributes of images and links."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.around_tables: list[str] = []
        self.alt_texts: list[str | None] = []
        self.downloads: dict[str, str] = {}
        self.code: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "table":
            self.around_tables.append(self.open[-1])
        elif tag == "img":
            self.alt_texts.append(attributes.get("alt"))
        elif tag == "a":
            self.downloads[attributes["download"] or ""] = attributes["href"] or ""
        if tag not in ("meta", "link", "img"):
            self.open.append(f"{tag}.{attributes['class']}" if "class" in attributes else tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().split(".")[0] == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "code":
            self.code.append(data)


def test_a_page_is_sound_and_carries_its_tables_with_it(sections: list[Section], tmp_path: Path) -> None:
    text = Section("Text & <more>", "Give `vgg` & <x>, or `a<b`.\n\nNo `code here.")
    page = write_folder(tmp_path, "Title", [*sections, text], {}, {"raw.csv": "a\n"}, "")
    markup = Markup(page.read_text())
    assert markup.open == []
    assert markup.around_tables == ["div.wide"] * 3, "phones scroll tables"
    assert len(markup.alt_texts) == 2
    assert all(markup.alt_texts)
    assert markup.code == ["vgg", "a<b"]
    assert markup.downloads.keys() == {path.name for path in tmp_path.glob("table-*")}
    for name, link in markup.downloads.items():
        assert base64.b64decode(link.partition(";base64,")[2]) == (tmp_path / name).read_bytes()
    assert "Beside this page: raw.csv, report.json." in page.read_text()


def test_long_titles_of_panels_and_long_names_are_broken_where_words_end() -> None:
    title = "hokusai-great-wave to gauguin-three-tahitian-women"
    plot = panels_plot([Panel({"a": Line.of([0, 1], [0, 1])}, "x", "y", title)] * 2)
    assert title not in plot.svg.decode()
    assert plot.svg.decode().count(">gauguin-three-tahitian-<") == 2
    assert plot.svg.decode().count(">women<") == 2
    font = ImageFont.load_default(16)
    lines = wrap("gauguin-three-tahitian-women", font, round(font.getlength("gauguin-three-tah"))).split("\n")
    assert lines == ["gauguin-three-", "tahitian-women"]


def test_a_name_and_its_value_stay_on_one_line_where_they_fit() -> None:
    font = ImageFont.load_default(16)
    label = "s = 30,000, v = 5"
    width = round(font.getlength("s = 30,000, v ="))
    assert wrap(label, font, width) == "s = 30,000,\nv = 5"
    assert wrap(label, font, round(font.getlength("30,000,"))).split() == label.split()
