from __future__ import annotations

import re

import numpy as np
import pytest

from napari_osuda.session.report.content import ReportCase
from napari_osuda.session.report.removed import removed_table

# Axes L, A, S: the viewer counts the first one the other way round.
AFFINE = np.diag([-2.0, 1.0, 5.0, 1.0])


def case(final: bool = False, removed: int = 2) -> ReportCase:
    before = np.zeros((10, 6, 8), np.uint8)
    before[1:3, 1:3, 1:4] = 1
    before[6:9, 4, 2:7] = 2
    before[0, 0, 7] = 1
    after = before.copy()
    after[6:9, 4, 2:7] = 0
    after[0, 0, 7] = 0
    kept = after.copy()
    kept[0, 0, 7] = 1
    return ReportCase(
        "someone", before.astype(np.float32), before, after, AFFINE, kept if final else None, removed=removed
    )


def rows(page: str) -> list[list[str]]:
    return [re.findall(r"<t[dh][^>]*>([^<]*)<", row) for row in re.findall(r"<tr.*?</tr>", page, re.S)]


@pytest.mark.parametrize(
    ("plane", "places"),
    [("axial", ["axial 2 to 6", "axial 7"]), ("sagittal", ["sagittal 1 to 3", "sagittal 9"]),
     ("volume", ["axial 2 to 6", "axial 7"])],
)  # fmt: skip
def test_each_removed_piece_is_listed_by_the_viewers_slices_and_its_ml(plane, places):
    found = rows(str(removed_table(case(), plane)))
    assert [row[1] for row in found[1:]] == places
    assert [row[2] for row in found[1:]] == ["0.15", "0.01"]


def test_a_review_says_which_are_back():
    assert [row[-1] for row in rows(str(removed_table(case(final=True), "axial")))[1:]] == ["no", "yes"]


def test_where_the_second_look_removed_nothing_there_is_no_table():
    assert removed_table(case(removed=0), "axial") is None
