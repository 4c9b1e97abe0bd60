"""The plugin never sees the comparators: the contract of the import linter, and what is loaded in fact."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import napari_osuda

PACKAGE = Path(napari_osuda.__file__).parent
COMPARATORS = "napari_osuda.benchmark.comparators"


def test_only_the_bench_command_imports_them_and_only_when_it_runs():
    taken = set()
    for path in PACKAGE.rglob("*.py"):
        within = path.relative_to(PACKAGE).as_posix()
        if within.startswith("benchmark/comparators/"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(name.startswith(COMPARATORS) for name in names):
                taken.add(within)
                # What only types need stands below a condition, and is not run.
                assert node not in tree.body, f"{within} imports the comparators as soon as it is loaded"
    assert taken == {"cli/bench.py"}


def test_the_command_line_loads_neither_them_nor_their_networks():
    said = "import sys, napari_osuda.cli.commands; print([m for m in sys.modules if 'comparators' in m])"
    found = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
