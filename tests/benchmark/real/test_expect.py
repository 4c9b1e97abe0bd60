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


def test_what_other_tables_are_quoted_for_is_in_them():
    def mean(name, protocol, method):
        found = [row for row in rows(name) if (row["protocol"], row["method"]) == (protocol, method)]
        assert len(found) == 16
        return sum(float(row["dice_after_WT"]) for row in found) / len(found)

    page = " ".join(PAGES[0].read_text(encoding="utf-8").split())
    ceiling = mean("t1.csv", "t1-to-t1-other-site", "source-only")
    assert f"A model trained with labels on DU's T1 finds {ceiling:.2f} on the same 16" in page
    curve, osuda, tent = (
        mean("rivals.csv", "t1post-to-flair-other-site", name) for name in ("curve", "osuda", "tent")
    )
    assert f"rivals reach {tent:.2f} there" in page
    assert f"The untrained curve alone has {curve:.3f}, more than OSUDA behind it ({osuda:.3f})." in page
    same_site = "flair-to-flair-other-site"
    told = {
        name: mean("rivals.csv", same_site, name) for name in ("osuda", "tent", "adabn", "intent", "muvi")
    }
    for text in (page, " ".join(PAGES[1].read_text(encoding="utf-8").split())):
        assert f"OSUDA reaches {told['osuda']:.3f}" in text
        assert f"MuVi has {told['muvi']:.3f}" in text
    assert (
        f"Tent reaches {told['tent']:.3f}, AdaBN {told['adabn']:.3f} and InTEnt {told['intent']:.3f}" in page
    )
