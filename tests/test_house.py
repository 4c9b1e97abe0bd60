"""How the package is laid out: rooms of a readable size, and nothing private taken out of one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import napari_osuda

PACKAGE = Path(napari_osuda.__file__).parent
TESTS = Path(__file__).parent
MOST_MODULES = 16
MOST_LINES = 300
MOST_LINES_OF_A_FUNCTION = 60


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


def test_modules_and_functions_are_short_enough_to_be_read_whole():
    long = []
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        within = path.relative_to(PACKAGE)
        if len(text.splitlines()) > MOST_LINES:
            long.append(f"{within}: {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                # What stands before the code, as a docstring does, is read apart.
                first = node.body[1:] if ast.get_docstring(node) is not None and node.body[1:] else node.body
                lines = (node.end_lineno or 0) - first[0].lineno + 1
                if lines > MOST_LINES_OF_A_FUNCTION:
                    long.append(f"{within}: {node.name} has {lines} lines")
    assert not long


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


# On a busy machine they fail for nothing; wall time is what benchmarks/ is for.
WALL_CLOCKS = {"perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "time_ns"}


def test_no_test_measures_wall_time():
    read = []
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in WALL_CLOCKS:
                read.append(f"{path.relative_to(TESTS)}:{node.lineno}: {node.attr}")
    assert not read


def test_what_windows_does_not_have_is_marked():
    posix = re.compile(r"\bos\.(?:mkfifo|fork|getuid|setuid|waitpid)\b|\bSIGKILL\b|/dev/zero")
    unmarked = []
    for path in TESTS.rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if (
                not isinstance(node, ast.FunctionDef)
                or not node.name.startswith("test_")
                or path == Path(__file__)
            ):
                continue
            marks = [ast.unparse(mark) for mark in node.decorator_list]
            if posix.search(ast.get_source_segment(text, node) or "") and "pytest.mark.posix" not in marks:
                unmarked.append(f"{path.name}:{node.lineno}")
    assert not unmarked
