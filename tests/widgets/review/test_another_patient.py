"""Another patient's image over an open review: nothing is done to a case that is not seen."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from review_widgets import press

pytestmark = pytest.mark.viewer


@pytest.fixture
def other(widget, empty):
    """An image of somebody else, opened over the review."""
    final = widget.layers.layers["final"]
    return empty.add_image(np.ones(final.data.shape), name="patient B", scale=final.scale)


def is_seen(widget, empty, other):
    own = [layer for layer in widget.layers.images if layer.visible]
    masks = list(widget.layers.layers.values())
    return not other.visible and bool(own) and empty.layers[-1] in masks


@pytest.mark.parametrize("key", [Qt.Key.Key_A, Qt.Key.Key_K, Qt.Key.Key_G, Qt.Key.Key_I])
def test_a_key_decides_nothing_and_shows_the_case_again(widget, empty, other, key):
    widget.context.go_to(2)
    other.visible = True
    empty.layers.move(empty.layers.index(other), len(empty.layers))
    press(empty, key)
    assert widget.review.decisions == 0
    assert not widget.layers.editing
    told = widget.page.note.text()
    assert "patient B" in told
    assert widget.review.case.name in told
    assert is_seen(widget, empty, other)
    assert widget.context.step == 2
    press(empty, Qt.Key.Key_K)
    assert widget.review.choice("axial", widget.layers.planes["axial"].index(2)).kind == "before"


def test_no_button_acts_on_a_case_that_is_not_seen(widget, empty, other, qtbot):
    decide, page = widget.page.decide, widget.page
    page.name.setText("A. Reader")
    buttons = (decide.after, decide.before, decide.rest_after, decide.flag, decide.edit, page.save_button)
    for button in buttons:
        other.visible = True
        empty.layers.move(empty.layers.index(other), len(empty.layers))
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        assert widget.review.decisions == 0, button.text()
        assert not decide.edit.isChecked()
        assert "patient B" in page.note.text(), button.text()
        assert is_seen(widget, empty, other)
    assert not list((widget.run.folder / "final").glob("*"))


@pytest.mark.parametrize("mode", ["overlay", "side", "difference", "final"])
def test_a_way_to_look_shows_the_case_again(widget, empty, other, mode):
    widget.compare(mode)
    empty.layers.move(empty.layers.index(other), len(empty.layers))
    other.visible = True
    press(empty, Qt.Key.Key_K)
    assert widget.review.decisions == 0
    assert widget.view.comparison.mode == mode
    assert not other.visible
    other.visible = True
    empty.layers.move(empty.layers.index(other), len(empty.layers))
    press(
        empty,
        {"overlay": Qt.Key.Key_W, "side": Qt.Key.Key_S, "difference": Qt.Key.Key_D}.get(mode, Qt.Key.Key_R),
    )
    assert not other.visible
    assert widget.view.comparison.mode == mode


def test_to_go_to_a_slice_shows_the_case_again(widget, empty, other):
    press(empty, Qt.Key.Key_J)
    assert is_seen(widget, empty, other)


def test_nobody_paints_below_another_patients_image(widget, empty):
    widget.edit(True)
    assert widget.layers.editing
    empty.add_image(np.ones((3, 3, 3)), name="patient B")
    assert not widget.layers.editing


def test_beyond_the_case_no_slice_is_decided(widget, empty):
    final = widget.layers.layers["final"]
    longer = empty.add_image(np.ones((30, 9, 9)), name="longer", scale=final.scale, visible=False)
    assert longer.extent.world[1, 0] > final.extent.world[1, 0]
    empty.dims.set_point(0, longer.extent.world[1, 0])
    press(empty, Qt.Key.Key_K)
    assert widget.review.decisions == 0
    assert "No slice of this case was shown" in widget.page.note.text()
    press(empty, Qt.Key.Key_K)
    assert widget.review.decisions == 1


def test_without_images_of_its_own_no_masks_lie_on_another_patient(widget, empty, other):
    for layer in list(widget.layers.images):
        empty.layers.remove(layer)
    other.visible = True
    press(empty, Qt.Key.Key_K)
    assert not other.visible


@pytest.mark.parametrize("covered", [False, True])
def test_what_a_key_did_is_seen_where_the_panel_was_behind_another(widget, empty, covered):
    widget.parent().hide()
    assert not widget.isVisibleTo(widget.window())
    if covered:
        empty.add_image(np.ones((3, 3, 3)), name="patient B")
    press(empty, Qt.Key.Key_K)
    assert widget.review.decisions == (not covered)
    assert widget.page.note.text()
    assert widget.page.note.isVisibleTo(widget.window())
