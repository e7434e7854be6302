"""Work goes on only in its own folder, and only if it is about the same."""

from pathlib import Path

import pytest

from nstyle.errors import UsageError
from nstyle.system.output_folders import first_difference, holds_work, output_folder


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
