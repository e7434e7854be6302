"""What the documents say: links lead somewhere, commands parse, Python examples compile and run."""

import ast
import inspect
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import typer
from PIL import Image

import nstyle
from nstyle.cli.app import app
from nstyle.losses.presets import Preset
from nstyle.reconstruction.config import ReconstructionConfig
from nstyle.reconstruction.reconstruct import ReconstructionResult
from nstyle.training.config import TrainingConfig

ROOT = Path(__file__).parents[2]
PAGES = sorted(page for folder in ("", "docs", "checkpoints", "data") for page in (ROOT / folder).glob("*.md"))
COMMANDS = [page for page in PAGES if page.name != "CHANGELOG.md"]
IMAGES = ROOT / "docs" / "images"
"""Not part of the source distribution."""
NOT_RUN = "no-run"
FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
PLACEHOLDER = re.compile(r"[A-Z]+|\.\.\.")
"""Words that stand for a value."""
SETTINGS = {
    **dict.fromkeys(
        ("train", "add_style", "compare"),
        {f.name for kind in (TrainingConfig, Preset) for f in fields(kind)} | {"preset"},
    ),
    "reconstruct": {f.name for f in fields(ReconstructionConfig)},
}
"""What functions take beyond their signature."""
RESULTS: dict[str, type] = {
    "load": nstyle.Stylizer,
    "reconstruct": ReconstructionResult,
    "train": Path,
    "add_style": Path,
}


def label(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return info string and body of every fenced block that holds Python."""
    found = [
        (match["info"].strip(), dedent(match["body"])) for match in FENCE.finditer(page.read_text(encoding="utf-8"))
    ]
    return [(info, body) for info, body in found if info.split()[:1] == ["python"]]


def shell_lines(page: Path) -> list[str]:
    """Return the lines of fenced blocks that are no program, with continued lines joined."""
    text = page.read_text(encoding="utf-8")
    bodies = [match["body"].replace("\\\n", " ") for match in FENCE.finditer(text) if not match["info"].strip()]
    return [line for body in bodies for line in body.splitlines()]


def after_nstyle(line: str) -> list[str] | None:
    """Return what a line hands to nstyle: ``nstyle ...`` or ``... -m nstyle ...``, up to a redirection."""
    words = shlex.split(line, comments=True)
    starts = [i for i, word in enumerate(words) if word == "nstyle" and (i == 0 or words[i - 1] in ("-m", "&&", "$"))]
    if not starts:
        return None
    words = words[starts[0] + 1 :]
    end = next((i for i, word in enumerate(words) if word in ("<", ">", "|", "&&", ";")), len(words))
    return words[:end]


def resolve(words: list[str]) -> tuple[Any, list[str]]:
    """Find the command that words name, and what they give it."""
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        assert words[0] in command.commands, f"there is no command '{words[0]}'"
        command, words = command.commands[words[0]], words[1:]
    return command, words


def options_of(command: Any) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts} | {"--help", "-h", "--debug"}


def mentions(page: Path) -> Iterator[tuple[str, str]]:
    """Yield every command line in running text, with the text whose options belong to it: of a table, the whole row."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for line in text.split("\n\n"):
        for row in line.splitlines() if line.lstrip().startswith("|") else [line]:
            spans = [
                span
                for span in re.findall(r"`([^`]+)`", row)
                if span.split()[:1] == ["nstyle"] and len(span.split()) > 1
            ]
            for span in spans:
                yield span, row if row.lstrip().startswith("|") and len(spans) == 1 else span


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    for target in LINK.findall(FENCE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve()
        if path.is_relative_to(IMAGES) and not IMAGES.exists():
            continue
        assert path.exists(), f"{label(page)}: {target}"
        assert name or anchor in headings, f"{label(page)}: {target}"


@pytest.mark.parametrize("page", COMMANDS, ids=label)
def test_commands_exist_with_their_options(page: Path) -> None:
    for line in shell_lines(page):
        words = after_nstyle(line)
        if words is None:
            continue
        command, given = resolve(words)
        for word in given:
            if OPTION.fullmatch(word.partition("=")[0]):
                assert word.partition("=")[0] in options_of(command), f"{label(page)}: {line}"
        if not any(PLACEHOLDER.fullmatch(word) for word in given):
            command.make_context("nstyle", given)  # Raises where a value or the number of arguments does not do.
    for span, around in mentions(page):
        command, _ = resolve(
            [word for word in span.replace("[", "").replace("]", "").split()[1:] if not word.startswith("#")]
        )
        if hasattr(command, "commands"):
            continue
        unknown = set(
            OPTION.findall(" ".join(re.findall(r"`([^`]+)`", around)) if around != span else span)
        ) - options_of(command)
        assert not unknown, f"{label(page)}: {span}: {unknown}"


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=label)
def test_python_names_and_keywords_exist(page: Path) -> None:
    kinds: dict[str, type] = {}
    for _, body in blocks(page):
        for node in ast.walk(ast.parse(body)):
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Call)
                and isinstance(node.targets[0], ast.Name)
            ):
                function = ast.unparse(node.value.func).removeprefix("nstyle.")
                kinds |= {node.targets[0].id: RESULTS[function]} if function in RESULTS else {}
        for node in ast.walk(ast.parse(body)):
            if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
                continue
            if node.value.id == "nstyle":
                assert node.attr in (*nstyle.__all__, "__version__"), f"nstyle.{node.attr}"
            if kind := kinds.get(node.value.id):
                assert node.attr in {
                    *dir(kind),
                    *getattr(kind, "__dataclass_fields__", ()),
                    "info",
                    "device",
                    "network",
                }, node.attr
        for call in (
            node
            for node in ast.walk(ast.parse(body))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        ):
            owner = ast.unparse(call.func.value)
            function = getattr(nstyle if owner == "nstyle" else kinds.get(owner), call.func.attr, None)
            if function is None or (owner != "nstyle" and owner not in kinds):
                continue
            known = set(inspect.signature(function).parameters) | (
                SETTINGS.get(call.func.attr, set()) if owner == "nstyle" else set()
            )
            assert {keyword.arg for keyword in call.keywords} <= known, ast.unparse(call)


@pytest.fixture
def workplace(tmp_path: Path, photo: Path, styles: Path, vgg_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the examples name: photo.jpg, painting.jpg, sky.png; VGG weights are random."""
    with Image.open(photo) as image, Image.open(styles / "waves.png") as painting:
        image.resize((48, 32)).save(tmp_path / "photo.jpg")
        painting.save(tmp_path / "painting.jpg")
    Image.linear_gradient("L").resize((48, 32)).save(tmp_path / "sky.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NSTYLE_VGG", str(vgg_file))
    return tmp_path


RUN = [(page, body) for page in PAGES for info, body in blocks(page) if NOT_RUN not in info.split()]


@pytest.mark.parametrize(("page", "body"), RUN, ids=[f"{label(page)}-{i}" for i, (page, _) in enumerate(RUN)])
def test_python_examples_run(page: Path, body: str, workplace: Path) -> None:
    exec(compile(body, label(page), "exec"), {})


def test_every_public_name_is_documented() -> None:
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    assert [name for name in nstyle.__all__ if f"nstyle.{name}" not in text] == []


def test_one_version_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert nstyle.__version__ == version
    assert f"\n## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
