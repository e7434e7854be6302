"""Work goes on only in its own folder, and only if it is about the same."""

import json
from pathlib import Path

import pytest

from nstyle.errors import UsageError
from nstyle.reports.folder import check_folder, write_folder
from nstyle.system.output_folders import check_outside, first_difference, holds_work, output_folder


def test_work_goes_on_if_every_value_is_the_same() -> None:
    assert first_difference({"size": 64, "mix": [1, 2]}, {"size": 64, "mix": (1, 2)}) is None
    assert first_difference({"size": 64, "of_another_version": 1}, {"size": 64, "new": None}) is None
    difference = first_difference({"seed": 0, "size": 64}, {"seed": 0, "size": 32, "loss": "gram"})
    assert difference == ("size", 64, 32)
    assert str(difference) == "with size 64, not 32"


def test_a_folder_is_free_or_holds_the_work(tmp_path: Path) -> None:
    folder, record = tmp_path / "gap", tmp_path / "gap" / "comparison.json"
    assert not holds_work(folder, record, "comparison")
    folder.mkdir()
    assert not holds_work(folder, record, "comparison")
    (folder / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="gap holds other files and no comparison"):
        holds_work(folder, record, "comparison")
    record.write_text("{}")
    assert holds_work(folder, record, "comparison")
    for refuse in (
        lambda path: output_folder(path, "report"),
        lambda path: holds_work(path, path / "demo.json", "report"),
    ):
        with pytest.raises(UsageError, match=r"letter\.txt is a file; expected a folder for the report \(`out`\)"):
            refuse(folder / "letter.txt")


def test_output_may_not_lie_among_photographs(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    check_outside(tmp_path / "photos-2", tmp_path / "photos", "content")
    check_outside(tmp_path, tmp_path / "photos", "content")
    for inside in ("photos", "photos/run", "photos/more/../run"):
        with pytest.raises(UsageError, match=r"`out` is .*, inside the photographs of `content` \(.*photos\)"):
            check_outside(tmp_path / inside, tmp_path / "photos", "content")


@pytest.mark.parametrize(
    "files", [["../x.png", "..", 5, "notes.txt", "config.toml", "old.png"], {"old.png": 1}, "old.png"]
)
def test_a_report_removes_no_other_files_than_those_of_a_report(tmp_path: Path, files: object) -> None:
    out = tmp_path / "report"
    out.mkdir()
    for name in ("old.png", "notes.txt", "config.toml", "../x.png"):
        (out / name).touch()
    (out / "report.json").write_text(json.dumps({"report": "Title", "files": files}))
    write_folder(check_folder(out, "Title"), "Title", [], {}, {}, "")
    assert {"notes.txt", "config.toml", "report.html", "report.json"} <= {path.name for path in out.iterdir()}
    assert (tmp_path / "x.png").exists()
    assert (out / "old.png").exists() == (not isinstance(files, list))
