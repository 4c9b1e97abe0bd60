"""How the package is laid out: rooms of a readable size, and nothing private taken out of one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import napari_osuda

PACKAGE = Path(napari_osuda.__file__).parent
MOST_MODULES = 16


def _imports() -> Iterator[tuple[Path, str, str]]:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("napari_osuda"):
                yield from ((path, str(node.module), name.name) for name in node.names)


def test_nothing_private_is_imported_from_another_module():
    taken = [
        f"{path.relative_to(PACKAGE)}: {module}.{name}"
        for path, module, name in _imports()
        if name.startswith("_") and not name.startswith("__")
    ]
    assert not taken


def test_a_room_holds_no_more_than_a_person_can_keep_in_mind():
    rooms = {room: len(list(room.glob("*.py"))) - 1 for room in {p.parent for p in PACKAGE.rglob("*.py")}}
    crowded = {str(room.relative_to(PACKAGE)): count for room, count in rooms.items() if count > MOST_MODULES}
    assert not crowded


# From so many branches on, a module decides something.
DECIDES = 3
TESTS = Path(__file__).parent


def _branches(tree: ast.AST) -> int:
    kinds = (ast.If, ast.IfExp, ast.While, ast.Try, ast.Match)
    return sum(
        isinstance(node, kinds) or (isinstance(node, ast.comprehension) and bool(node.ifs))
        for node in ast.walk(tree)
    )


def test_each_module_that_decides_something_has_its_test_in_the_same_place():
    lacking = []
    for path in sorted(PACKAGE.rglob("*.py")):
        within = path.relative_to(PACKAGE)
        test = TESTS / within.parent / f"test_{within.name}"
        decides = _branches(ast.parse(path.read_text(encoding="utf-8"))) >= DECIDES
        if decides and not within.name.startswith("__") and not test.is_file():
            lacking.append(str(within))
    assert not lacking


LONGEST_SENTENCE = 25


def _texts(tree: ast.AST) -> Iterator[str]:
    """Every text that is no docstring; what an f-string puts in counts as a word."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and id(node) not in docstrings:
            parts |= {id(part) for part in node.values}
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else "x" for v in node.values)
    for node in ast.walk(tree):
        known = id(node) in docstrings or id(node) in parts
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not known:
            yield node.value


def _sentences(text: str) -> list[str]:
    plain = re.sub(r"</?[a-z][^>]*>", " ", re.sub(r"<br\s*/?>|\n", ". ", text)).replace("&nbsp;", " ")
    return re.split(r"(?<=[.!?])\s+", plain)


@cache
def _read_by_people() -> tuple[tuple[Path, str], ...]:
    """Every module's texts."""
    return tuple(
        (path.relative_to(PACKAGE), text)
        for path in sorted(PACKAGE.rglob("*.py"))
        for text in _texts(ast.parse(path.read_text(encoding="utf-8")))
    )


def test_no_sentence_that_a_person_reads_is_longer_than_it_should_be():
    long = [
        f"{path}: {sentence}"
        for path, text in _read_by_people()
        for sentence in _sentences(text)
        if len(sentence.split()) > LONGEST_SENTENCE
    ]
    assert not long


@pytest.mark.parametrize(
    "coined",
    ["whence", "leafing", "in sight", "speaks for", "took back", "did again", "side by side in memory",
     "turned contrast", "way in", "way back", "told ratio", "napari alone", "share of the most"],
)  # fmt: skip
def test_words_of_our_own_making_are_gone_from_what_people_read(coined):
    found = [f"{path}: {text}" for path, text in _read_by_people() if coined in text.lower()]
    assert not found
