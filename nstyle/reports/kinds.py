"""What lies in a folder that a report is asked of, so that each report names the other where it is the right one."""

from pathlib import Path

RECONSTRUCTIONS = ("run.json", "sweep.json")
TRAINING = ("metrics.jsonl", "model.safetensors")
REPRODUCTION = "reproduction.json"


def hint(path: Path) -> str:
    """Return the end of an error about a folder that one report cannot read and another can; else an empty text."""
    if any((path / name).is_file() for name in RECONSTRUCTIONS):
        return "; it holds reconstructions, which `nstyle reconstruct report` reports on"
    if any((path / name).is_file() for name in TRAINING):
        return "; it holds a training run, which `nstyle report` reports on"
    if (path / REPRODUCTION).is_file():
        return "; it holds a reproduction, whose page is report.html; give a folder in it, of one of its experiments"
    return ""
