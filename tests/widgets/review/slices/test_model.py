from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from review_parts import SHAPE, review_case

from napari_osuda.session.review.review import Review
from napari_osuda.session.review.slices import slice_table
from napari_osuda.widgets.qt.theme import palette
from napari_osuda.widgets.review.slices.columns import DECISION
from napari_osuda.widgets.review.slices.model import FilteredSlices, SliceModel, next_of
from napari_osuda.widgets.review.view.planes import PlaneAxis

COLORS = palette("dark")
DISPLAY, SORT = Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.UserRole


@pytest.fixture
def model(qapp):
    """The axial slices of a case, in the order of its array."""
    review = Review(review_case())
    model = SliceModel(COLORS)
    model.set_table(review, slice_table(review.case, "axial"), PlaneAxis(0, SHAPE[2], False), {})
    return model


def column(model, title):
    titles = [model.headerData(k, Qt.Orientation.Horizontal) for k in range(model.columnCount())]
    return titles.index(title)


def test_a_decision_changes_its_row_and_no_other(model):
    changed = []
    model.dataChanged.connect(lambda first, last: changed.append((first.row(), last.row())))
    model.review.decide("after", "axial", [2])
    model.decided({})
    assert changed == [(2, 2)]
    at = model.index(2, column(model, DECISION))
    assert model.data(at).endswith("adapted")
    assert model.data(at, Qt.ItemDataRole.ForegroundRole) == QColor(COLORS.green)
    assert model.data(model.index(1, column(model, DECISION))) == ""
    changed.clear()
    model.decided({})
    assert not changed


def test_rows_run_as_the_viewer_numbers_them(qapp):
    review = Review(review_case())
    model = SliceModel(COLORS)
    model.set_table(review, slice_table(review.case, "axial"), PlaneAxis(0, SHAPE[2], True), {})
    assert [model.data(model.index(row, 0)) for row in range(SHAPE[2])] == ["0", "1", "2", "3"]
    review.decide("before", "axial", [0])
    model.decided({})
    assert model.data(model.index(SHAPE[2] - 1, column(model, DECISION))).endswith("original")


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        ("all", [0, 1, 2, 3]),
        ("marked", [1, 2, 3]),
        ("changed", [1, 2, 3]),
        ("undecided", [1, 3]),
        ("flagged", [3]),
    ],
)
def test_the_list_is_narrowed_to_what_is_wanted(model, wanted, rows):
    model.review.decide("after", "axial", [2])
    model.review.set_flag(True, "axial", [3], "look")
    model.decided({})
    proxy = FilteredSlices(model)
    proxy.wanted = wanted
    proxy.invalidate()
    found = [proxy.mapToSource(proxy.index(row, 0)).row() for row in range(proxy.rowCount())]
    if wanted == "flagged":
        assert set(rows) <= set(found), "the guard may flag others"
    else:
        assert found == rows


def test_the_current_slice_is_marked_by_its_ground_alone(model):
    model.set_current(2)
    role = Qt.ItemDataRole.BackgroundRole
    assert [model.data(model.index(row, 0), role) is not None for row in range(4)] == [
        False,
        False,
        True,
        False,
    ]


def test_a_tip_says_where_the_slice_lies_and_who_decided(model):
    model.review.decide("after", "axial", [1], "Dr. Who")
    model.review.set_flag(True, "axial", [1], "look")
    tip = model.data(model.index(1, 0), Qt.ItemDataRole.ToolTipRole)
    assert tip.startswith("Axial slice at ")
    assert "Dr. Who" in tip
    assert "look" in tip


def test_nothing_is_listed_where_there_is_no_case(model):
    model.clear()
    assert model.rowCount() == model.columnCount() == 0
    model.decided({})


@given(st.sets(st.integers(0, 30), min_size=1), st.integers(-1, 31))
def test_the_next_one_comes_round(wanted, at):
    following, before = next_of(sorted(wanted), at), next_of(sorted(wanted), at, backwards=True)
    assert following == min((w for w in wanted if w > at), default=min(wanted))
    assert before == max((w for w in wanted if w < at), default=max(wanted))
    assert next_of([], at) is None
