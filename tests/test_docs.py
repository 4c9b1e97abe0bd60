"""What the pages say is so: their commands are commands, their links lead somewhere, pictures are small."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from napari_osuda.cli import main
from napari_osuda.method import AdaptationConfig

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("workflows/*.md"))
    if "_build" not in path.parts
)
MOVING = {".gif": 3_000_000}
STILL = 300_000


def commands(page: Path) -> list[list[str]]:
    """The lines of a page's blocks that call the program, as argument lists."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    found = [shlex.split(line, comments=True) for line in lines if line.startswith("napari-osuda ")]
    return [words[1:] for words in found]


CALLS = [
    pytest.param(words, id=f"{page.name}: {' '.join(words)[:60]}")
    for page in PAGES
    for words in commands(page)
]


@pytest.mark.parametrize("words", CALLS)
def test_a_command_of_the_pages_is_one(words, monkeypatch):
    taken = []
    for command in ("adapt.adapt", "predict.predict", "evaluate.evaluate", "cohort.cohort", "bench.bench"):
        module, name = command.split(".")
        _replace(monkeypatch, f"napari_osuda.cli.{module}", name, taken)
    for name in ("_demo", "_inspect"):
        _replace(monkeypatch, "napari_osuda.cli.commands", name, taken)
    assert main(words) == 0
    assert len(taken) == 1
    settings = [item for item in getattr(taken[0], "set", None) or [] if "=" in item]
    AdaptationConfig.from_items(settings)


def _replace(monkeypatch: pytest.MonkeyPatch, module: str, name: str, taken: list) -> None:
    def take(options):
        taken.append(options)
        return 0

    # argparse knows a command by its function's name.
    take.__name__ = name
    monkeypatch.setattr(f"{module}.{name}", take)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_that_are_there(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    local = [target.split("#")[0] for target in targets if not re.match(r"\w+:|#", target)]
    missing = [target for target in local if target and not (page.parent / target).exists()]
    assert not missing


def test_pictures_are_quick_to_load():
    heavy = [
        path.name
        for path in (ROOT / "docs" / "images").iterdir()
        if path.stat().st_size > MOVING.get(path.suffix, STILL)
    ]
    assert not heavy


def test_every_picture_is_shown_on_a_page():
    pages = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert not [
        path.name for path in (ROOT / "docs" / "images").iterdir() if f"images/{path.name})" not in pages
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_elsewhere_are_whole_and_encrypted(page):
    for target in re.findall(r"\]\((\w+:[^)\s]+)\)", page.read_text(encoding="utf-8")):
        address = urlsplit(target)
        assert address.scheme in ("https", "mailto"), target
        assert "." in address.netloc or address.scheme == "mailto", target
        assert not re.search(r"[.,;:]$|\bblob/main/\S*\.py#L", target), target


# Of napari's own menus.
NAPARIS = {"Plugins"}
OF_THE_SCREEN = [*ROOT.glob("docs/*.md"), ROOT / "docs" / "tutorials" / "clinician.md"]


def test_what_stands_in_italics_is_written_on_the_screen():
    shown = [(ROOT / "napari_osuda" / "napari.yaml").read_text(encoding="utf-8")]
    for path in sorted((ROOT / "napari_osuda").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                # An ampersand marks the key that presses a button.
                shown.append(node.value.replace("&", ""))
    screen = "\n".join(shown)
    unknown = []
    for page in OF_THE_SCREEN:
        prose = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for words in re.findall(r"(?<!\*)\*([A-Z][^*\n]{1,40})\*(?!\*)", prose):
            # "Use iteration N": the N stands for a number.
            if words not in NAPARIS and words.rstrip(".:").removesuffix("N") not in screen:
                unknown.append(f"{page.name}: {words}")
    assert not unknown


def _cells(page: Path) -> dict[str, list[str]]:
    """The rows of a page's tables by what stands in front, but for headings."""
    rows = [line.strip("| ").split(" | ") for line in page.read_text("utf-8").splitlines() if "|" in line]
    return {first: rest for first, *rest in rows if rest and rest[0].isdigit()}


def test_the_figures_of_the_readme_are_those_of_the_page_on_real_mri():
    short, whole = _cells(ROOT / "README.md"), _cells(ROOT / "docs" / "results" / "real" / "expect.md")
    assert short
    for name, (patients, source, adapted, guarded, oracle, changed) in short.items():
        row = whole[name]
        assert [patients, source, adapted, guarded, oracle, changed] == [row[0], row[1], *row[4:8]], name
