"""The page on real MRI and the README say what the committed rows say."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from napari_osuda.benchmark.real.comparison import comparison
from napari_osuda.benchmark.trials import guarded, number, present_regions
from napari_osuda.session.guard.estimate import HARM

ROOT = Path(__file__).parents[3]
REAL = ROOT / "docs" / "results" / "real"
PAGES = (REAL / "expect.md", ROOT / "README.md")


def rows(name):
    with open(REAL / name, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("bench", ["default.csv", "hippocampus/bench.csv"])
def test_the_table_is_that_of_the_rows(bench):
    table = comparison(rows("release.csv"), rows(bench))
    page = PAGES[0].read_text(encoding="utf-8").splitlines()
    lines = [line for line in table.splitlines() if re.search(r"\| \d+ \|", line)]
    assert lines
    assert not set(lines) - set(page)


def test_how_many_were_harmed_is_counted():
    changes, kept = [], []
    for name in ("default.csv", "hippocampus/bench.csv", "hippocampus/3d.csv"):
        found = rows(name)
        region = present_regions(found)[0]
        for row in found:
            before = number(row, f"dice_before_{region}")
            changes.append(number(row, f"dice_after_{region}") - before)
            kept.append(guarded(row, "dice", region) - before)
    harmed = sum(change < -HARM for change in changes)
    assert not any(change < -HARM for change in kept)
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert f"Without it, {harmed} were, by {-min(changes):.2f} at worst." in text
    assert f"among {len(changes)} patients" in PAGES[1].read_text(encoding="utf-8")
