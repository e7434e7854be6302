"""The files of a report: formats of figures, tables, and which report reads which folder."""

import csv
from pathlib import Path

import pytest
from PIL import Image

from nstyle.errors import UsageError
from nstyle.reconstruction.report import write_report as report_reconstructions
from nstyle.reports.folder import write_folder
from nstyle.reports.formats import check_formats
from nstyle.reports.names import shortest_names
from nstyle.reports.page import Figure, Section, Table
from nstyle.reports.plots import COLORS, DASHES, line_plot
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


def test_lines_that_share_a_dash_have_other_colours() -> None:
    looks = [(COLORS[i % len(COLORS)], DASHES[i % len(DASHES)]) for i in range(len(COLORS) * len(DASHES))]
    assert len(set(looks)) == len(looks)


def test_pictures_and_runs_are_named_as_shortly_as_they_can_be_told_apart() -> None:
    assert shortest_names(["a/one.jpg", "b/one.jpg", "b/two.jpg", "two.jpg"]) == {
        "a/one.jpg": "a/one.jpg", "b/one.jpg": "b/one.jpg", "b/two.jpg": "b/two.jpg", "two.jpg": "two.jpg"
    }  # fmt: skip
    assert shortest_names(["/x/a/one.jpg", "/x/b/two.jpg"]) == {"/x/a/one.jpg": "one.jpg", "/x/b/two.jpg": "two.jpg"}


def test_each_report_names_the_other_where_that_is_the_right_one(tmp_path: Path) -> None:
    run, reconstruction, sweep = (tmp_path / name for name in ("run", "reconstruction", "sweep"))
    for folder, file in ((run, "metrics.jsonl"), (reconstruction, "run.json"), (sweep, "sweep.json")):
        folder.mkdir()
        (folder / file).write_text("{}")
    for folder in (reconstruction, sweep):
        with pytest.raises(UsageError, match=r"it holds reconstructions, which `nstyle reconstruct report` reports on"):
            report_training([folder], tmp_path / "out")
    with pytest.raises(UsageError, match=r"it holds a training run, which `nstyle report` reports on"):
        report_reconstructions([run], tmp_path / "out")
    assert not (tmp_path / "out").exists()
