"""Every name that becomes a path goes through one function."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import napari_osuda

PACKAGE = Path(napari_osuda.__file__).parent
# What is put together of numbers and of names that the program itself gives.
ALLOWED = {
    "files.py": "the one function",
    "session/run_folder/timeline.py": "the number of an iteration",
    "widgets/adapt/folder_panel.py": "a folder's name that holds letters and digits only",
    "widgets/adapt/starter.py": "a number behind the name of a folder that the user chose",
}
# They write names of their own to where whoever runs them says.
WITHOUT = ("benchmark/", "simulation/")


def _joined(file: Path) -> Iterator[int]:
    """Lines on which a text that is put together becomes a part of a path."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Div)
            and isinstance(node.right, ast.JoinedStr)
        ):
            yield node.lineno
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        named = node.func.attr in ("with_name", "with_stem") and any(map(_is_made, node.args))
        if named or (
            node.func.attr == "joinpath" and any(not isinstance(a, ast.Constant) for a in node.args)
        ):
            yield node.lineno


def _is_made(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add))


def test_no_name_becomes_a_path_by_another_way() -> None:
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        lines = list(_joined(file))
        if lines and name not in ALLOWED and not name.startswith(WITHOUT):
            found[name] = lines
    assert not found, f"use napari_osuda.files.path_inside: {found}"
