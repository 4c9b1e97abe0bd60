from __future__ import annotations

import numpy as np
import pytest
from review_parts import SHAPE, review_case

from napari_osuda.session.review.review import Review
from napari_osuda.session.review.slices import slice_table
from napari_osuda.widgets.review.slices.columns import DECISION, columns_of
from napari_osuda.widgets.review.view.planes import PlaneAxis
from napari_osuda.widgets.review.words import FLAG, choice_label


@pytest.fixture
def review():
    return Review(review_case())


def columns(review, errors=None, flipped=False):
    table = slice_table(review.case, "axial")
    found = columns_of(review, table, PlaneAxis(0, SHAPE[2], flipped), errors or {})
    return {column.title: column for column in found}


def test_every_label_and_every_comparison_has_a_column(review):
    found = columns(review, {"final": np.arange(4)})
    assert list(found)[:4] == ["Slice", DECISION, FLAG, "Changed"]
    assert any(title.startswith("core") for title in found)
    assert any(title.startswith("edema") for title in found)
    assert found["Wrong, final"].sort(2) == 2


def test_slices_have_the_viewers_numbers(review):
    assert columns(review, flipped=True)["Slice"].text(0) == str(SHAPE[2] - 1)


def test_decisions_sort_by_kind_and_say_what_was_decided(review):
    decision = columns(review)[DECISION]
    assert (decision.text(1), decision.sort(1)) == ("", 0)
    order = []
    for kind in ("after", "before"):
        review.decide(kind, "axial", [1])
        assert decision.text(1) == choice_label(kind)
        order.append(decision.sort(1))
    assert order == sorted(order)
    assert order[0] > 0


def test_a_flag_is_seen_and_sorted_by(review):
    mark = columns(review)[FLAG]
    before = mark.sort(2)
    review.set_flag(True, "axial", [2], "look")
    assert FLAG in mark.text(2)
    assert mark.sort(2) > before


def test_the_voxels_that_changed_are_counted(review):
    case = review.case
    for row in range(SHAPE[2]):
        changed = int((case.before[..., row] != case.after[..., row]).sum())
        assert columns(review)["Changed"].sort(row) == changed
