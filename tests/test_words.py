"""The words: sentences that are read once, the field's terms, American spelling."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import napari_osuda

PACKAGE = Path(napari_osuda.__file__).parent
REPOSITORY = Path(__file__).parents[1]
DOCUMENTS = sorted([*REPOSITORY.glob("docs/*.md"), *(REPOSITORY / f"{name}.md" for name in
                    ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY"))])  # fmt: skip

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


# What only a terminal knows; a window and a script show the same sentence.
COMMAND_WORDS = re.compile(
    r"(?<![\w-])--[a-z]|=FILE\b|\b[A-Z]{2,}=[A-Z]|=\{?x?\}?#|same command|command line|\bstdin\b"
)


def _windows_texts(tree: ast.AST) -> Iterator[str]:
    """Every text but those that are kept for the command line: the argument ``command`` of an error."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            node.keywords = [each for each in node.keywords if each.arg != "command"]
    return _texts(tree)


def test_no_sentence_that_can_reach_a_window_speaks_of_the_command_line():
    # The faces of the command line alone, pip's options, and texts that name no sentence.
    apart = ("cli", "benchmark", "extras.py", "__main__.py")
    found = [
        f"{path.relative_to(PACKAGE)}: {text}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] not in apart
        for text in _windows_texts(ast.parse(path.read_text(encoding="utf-8")))
        if COMMAND_WORDS.search(text)
    ]
    assert not found


def _paragraphs(markdown: str) -> Iterator[str]:
    """The prose of a document: no code, no tables, no titles, no pictures; a line of a list by itself."""
    plain = re.sub(r"^```.*?^```$|<!--.*?-->", "", markdown, flags=re.MULTILINE | re.DOTALL)
    lines = [re.sub(r"^\s*(#|\||!\[|<).*$", "", line) for line in plain.splitlines()]
    for block in re.split(r"\n\s*\n|\n\s*(?=[-*>] |\d+\. )", "\n".join(["", *lines])):
        words = re.sub(r"^\s*([-*>]|\d+\.) ", "", block)
        words = re.sub(r"`[^`]*`", "x", words)
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", words)
        # A citation is a name, however long.
        words = re.sub(r"\([^()]*et al\.[^()]*\)", "", words).replace("et al.", "et al").replace("*", "")
        yield " ".join(words.split())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_sentence_of_the_documents_is_longer_than_it_should_be(document):
    long = [
        sentence
        for paragraph in _paragraphs(document.read_text(encoding="utf-8"))
        for sentence in re.split(r"(?<=[.!?:])\)?\s+(?=[A-Zx0-9\"'(])", paragraph)
        if len(sentence.split()) > LONGEST_SENTENCE
    ]
    assert not long


# British spellings and their stems. The simulation keeps its own: its text is the key of the patients made.
_BRITISH = re.compile(
    r"colour|grey|centre|neighbour|tumour|behaviou?r(?<!or)|oedema|labell|modell|catalogue|licence|artefact"
    r"|favour|travell|cancelling|judgement|haem|metre|programme\b|whilst|learnt|fibre|honour|defence|paediatr"
    r"|analys(e[ds]?\b|ing)|(normal|initial|organ|recogn|real|util|optim|minim|maxim|visual|regular|standard|local"
    r"|general|summar|serial|random|character|categor|stabil|harmon|penal|emphas|vector|binar|discret|synthes"
    r"|symbol|memor|final|equal|central|separ)is(e|ing|ation)",
    re.IGNORECASE,
)
# Keys of saved files, the names of shipped models, and what other programs write.
_KEPT = re.compile(
    r"\b_?(normalisation|colours)\b|whole-tumour-t2|\"(whole |enhancing )?tumour( core)?\"|\"millimetre\"",
    re.IGNORECASE,
)


def test_spelling_is_american():
    # What the sample models are called, and call their labels, stands on the screen.
    cards = sorted((REPOSITORY / "sample_data" / "models").glob("*/*.[ym][ad]*"))
    british = [
        f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()}"
        for path in [*sorted(PACKAGE.rglob("*.py")), *DOCUMENTS, *cards]
        if "simulation" not in path.parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if _BRITISH.search(_KEPT.sub("", line))
    ]
    assert not british
