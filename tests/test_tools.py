"""The tools that check the project: the oldest versions as constraints, and what a mutant may change."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


def _tool(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


def test_each_dependency_says_its_oldest_version(monkeypatch):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    minima = _tool("lowest", monkeypatch).minima(project)
    needed = {re.match(r"[\w.-]+", line)[0].lower() for line in project["project"]["dependencies"]}
    assert needed <= minima.keys()
    assert minima["torch"] == "2.10"
    # Of an extra, and of the tests.
    assert {"monai", "pytest"} <= minima.keys()


SOURCE = '''
"""Words."""

def share(count: int, total: int = 0) -> float:
    """1 + 1."""
    if total == 0:
        raise ValueError("a + b" + "c")
    pairs = zip((), (), strict=True)
    return count / total
'''


def test_mutants_change_the_code_and_leave_words_and_types(monkeypatch):
    found = [str(mutant) for mutant in _tool("mutants", monkeypatch).mutants(SOURCE)]
    assert found == [
        "def share(count: int, total: int = 0) -> float | 0 -> 1",
        "if total == 0 | total == 0 -> total != 0",
        "if total == 0 | 0 -> 1",
        "return count / total | count / total -> count * total",
    ]


def test_what_explains_a_mutant_names_a_line_that_is_there(monkeypatch):
    tool = _tool("mutants", monkeypatch)
    gone = [
        f"{name}: {known}"
        for name, reasons in tool.accepted().items()
        for known in reasons
        if known
        not in {str(mutant) for mutant in tool.mutants((tool.METHOD / f"{name}.py").read_text("utf-8"))}
    ]
    assert not gone
