from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from review_widgets import answer, asked, choose_rows, paint, press

from napari_osuda.session.review.run import ReviewRun

pytestmark = pytest.mark.viewer


def test_keys_decide_the_slice_in_view_and_go_on(widget, empty):
    widget.context.go_to(2)
    press(empty, Qt.Key.Key_K)
    row = widget.layers.planes["axial"].index(2)
    assert widget.review.choice("axial", row).kind == "before"
    np.testing.assert_array_equal(widget.review.final[:, :, row], widget.review.case.before[:, :, row])
    assert widget.context.step == 3
    assert "1 of 7" in widget.page.decide.progress.text()
    press(empty, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert widget.review.choice("axial", row) is None
    assert widget.context.step == 2, "one sees what was taken back"
    press(empty, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert widget.review.choice("axial", row).kind == "before"


def test_painting_is_recorded_stroke_by_stroke_and_undone(widget, empty, folder, qtbot):
    widget.context.go_to(3)
    press(empty, Qt.Key.Key_I)
    final = widget.layers.layers["final"]
    assert final.editable
    assert final.mode == "paint"
    was = final.data[3].copy()
    final.selected_label = 1 if was[5, 5] != 1 else 3
    final.brush_size = 1
    final.paint((3, 5, 5), final.selected_label)
    index = widget.layers.planes["axial"].index(3)
    qtbot.waitUntil(lambda: widget.review.choice("axial", index) is not None)
    assert widget.review.choice("axial", index).kind == "edited"
    again = ReviewRun.of_folder(folder).review("case")
    np.testing.assert_array_equal(again.final, widget.review.final)
    press(empty, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(final.data[3], was)
    press(empty, Qt.Key.Key_I)
    assert not final.editable


def decided(widget: Any) -> list[int]:
    """The viewer's numbers of the axial slices that are decided."""
    shown = widget.layers.planes["axial"]
    return [
        step for step in range(shown.count) if widget.review.choice("axial", shown.index(step)) is not None
    ]


def test_scrolling_with_shift_held_selects_nothing_and_one_slice_is_decided(widget, empty):
    widget.page.decide.on.setChecked(False)
    widget.context.go_to(6)
    view = widget.page.slices.view
    canvas = empty.window._qt_viewer.canvas.native
    QTest.keyPress(canvas, Qt.Key.Key_Shift)
    for _ in range(3):
        press(empty, Qt.Key.Key_J, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyRelease(canvas, Qt.Key.Key_Shift)
    assert widget.context.step == 3
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
    widget.context.go_to(5)
    widget.commands.decide_rest("after")
    assert "Edits in coronal slice" in answer(widget, "Leave edited slices")
    empty.dims.order = (0, 1, 2)
    np.testing.assert_array_equal(widget.layers.layers["final"].data[3, 5], painted[5])
    widget.commands.decide_everywhere("before")
    assert "All edits would be replaced" in answer(widget, "Cancel")
    np.testing.assert_array_equal(widget.layers.layers["final"].data[3, 5], painted[5])


@pytest.mark.filterwarnings("ignore:Contours are not displayed during 3D")
def test_in_3d_no_key_decides_anything_and_says_so(widget, empty):
    widget.context.go_to(4)
    press(empty, Qt.Key.Key_I)
    assert widget.layers.editing
    empty.dims.ndisplay = 3
    assert not widget.layers.layers["final"].editable, "a stroke through a volume is not seen"
    order = tuple(empty.dims.order)
    for key in (Qt.Key.Key_A, Qt.Key.Key_K, Qt.Key.Key_G, Qt.Key.Key_I, Qt.Key.Key_J, Qt.Key.Key_U):
        widget.context.tell("")
        press(empty, key)
        assert "3-D view" in widget.page.note.text(), key
    QTest.mouseClick(widget.page.decide.after, Qt.MouseButton.LeftButton)
    assert widget.review.log == []
    assert not widget.layers.editing
    assert tuple(empty.dims.order) == order
    empty.dims.ndisplay = 2
    press(empty, Qt.Key.Key_A)
    assert decided(widget) == [4]
