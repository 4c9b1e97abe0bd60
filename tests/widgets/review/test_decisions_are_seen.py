"""A decision touches only slices that are seen or named, and nothing painted is lost without a question."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from review_widgets import answer, asked, choose_rows, paint, press

pytestmark = pytest.mark.viewer


def decided(widget: Any) -> list[int]:
    """The viewer's numbers of the axial slices that are decided."""
    shown = widget.layers.planes["axial"]
    return [
        step for step in range(shown.count) if widget.review.choice("axial", shown.index(step)) is not None
    ]


def test_scrolling_with_shift_held_selects_nothing_and_one_slice_is_decided(widget, empty):
    widget.page.decide.on.setChecked(False)
    widget.desk.go_to(6)
    view = widget.page.slices.view
    canvas = empty.window._qt_viewer.canvas.native
    QTest.keyPress(canvas, Qt.Key.Key_Shift)
    for _ in range(3):
        press(empty, Qt.Key.Key_J, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyRelease(canvas, Qt.Key.Key_Shift)
    assert widget.desk.step == 3
    assert view.chosen() == []
    press(empty, Qt.Key.Key_K)
    assert not asked(widget)
    assert decided(widget) == [3]


def test_several_slices_are_named_before_they_are_decided(widget, empty):
    choose_rows(widget, 0, 2)
    assert "3 axial slices (1 to 3)" in widget.page.decide.target.text()
    press(empty, Qt.Key.Key_A)
    assert decided(widget) == []
    assert answer(widget, "Cancel") == "Use adapted in 3 axial slices (1 to 3)?"
    assert decided(widget) == []
    empty.dims.set_current_step(0, 2)
    assert widget.page.slices.view.chosen() == [1, 2, 3], "scrolling changes no selection"
    press(empty, Qt.Key.Key_A)
    answer(widget, "Use adapted")
    assert decided(widget) == [1, 2, 3]
    assert widget.page.slices.view.chosen() == []
    assert not widget.page.decide.target.isVisibleTo(widget)


def test_an_edited_slice_is_replaced_only_after_a_question(widget, empty, qtbot):
    widget.page.decide.on.setChecked(False)
    painted = paint(widget, qtbot, step=3)
    press(empty, Qt.Key.Key_K)
    assert "is edited" in answer(widget, "Cancel")
    np.testing.assert_array_equal(widget.layers.layers["final"].data[3], painted)
    choose_rows(widget, 1, 3)
    press(empty, Qt.Key.Key_K)
    assert "Edits in axial slice 3 would be replaced" in answer(widget, "Leave edited slices")
    np.testing.assert_array_equal(widget.layers.layers["final"].data[3], painted)
    assert decided(widget) == [2, 3, 4]
    # What was painted in this plane runs across slices of the others.
    empty.dims.order = (1, 0, 2)
    widget.desk.go_to(5)
    widget.acts.decide_rest("after")
    assert "Edits in coronal slice" in answer(widget, "Leave edited slices")
    empty.dims.order = (0, 1, 2)
    np.testing.assert_array_equal(widget.layers.layers["final"].data[3, 5], painted[5])
    widget.acts.decide_everywhere("before")
    assert "All edits would be replaced" in answer(widget, "Cancel")
    np.testing.assert_array_equal(widget.layers.layers["final"].data[3, 5], painted[5])


@pytest.mark.filterwarnings("ignore:Contours are not displayed during 3D")
def test_in_3d_no_key_decides_anything_and_says_so(widget, empty):
    widget.desk.go_to(4)
    press(empty, Qt.Key.Key_I)
    assert widget.layers.editing
    empty.dims.ndisplay = 3
    assert not widget.layers.layers["final"].editable, "a stroke through a volume is not seen"
    order = tuple(empty.dims.order)
    for key in (Qt.Key.Key_A, Qt.Key.Key_K, Qt.Key.Key_G, Qt.Key.Key_I, Qt.Key.Key_J, Qt.Key.Key_U):
        widget.desk.tell("")
        press(empty, key)
        assert "3-D view" in widget.page.note.text(), key
    QTest.mouseClick(widget.page.decide.after, Qt.MouseButton.LeftButton)
    assert widget.review.log == []
    assert not widget.layers.editing
    assert tuple(empty.dims.order) == order
    empty.dims.ndisplay = 2
    press(empty, Qt.Key.Key_A)
    assert decided(widget) == [4]
