"""Print the oldest versions that pyproject.toml allows, as constraints for pip: ``name==minimum`` a line.

``python tools/lowest.py > lowest.txt`` and then ``pip install -c lowest.txt -e . --group test``. Where pip
finds no solution, a declared minimum is one that nobody can install.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
# What the tests themselves need is not promised to anyone, but comes along.
TESTS = "test"


def minima(project: dict) -> dict[str, str]:
    """The lower bound of each requirement that has one, by name."""
    table = project["project"]
    lines = [
        *table["dependencies"],
        *(line for part in table["optional-dependencies"].values() for line in part),
    ]
    lines += [line for line in project["dependency-groups"][TESTS] if isinstance(line, str)]
    found = {}
    for line in lines:
        match = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?.*?>=([0-9][0-9a-z.]*)", line.split(";")[0])
        if match:
            found[match[1].lower()] = match[2]
    return found


if __name__ == "__main__":
    for name, version in sorted(minima(tomllib.loads(PROJECT.read_text(encoding="utf-8"))).items()):
        print(f"{name}=={version}")
