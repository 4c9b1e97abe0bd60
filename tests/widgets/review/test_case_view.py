from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from review_widgets import press

from napari_osuda.imaging.world import to_shown

pytestmark = pytest.mark.viewer


def test_the_next_case_takes_the_place_of_the_one_before(widget, empty):
    widget.commands.decide("before")
    press(empty, Qt.Key.Key_T)
    assert widget.review.case.name.startswith("a second case")
    assert sum(layer.name.startswith("final mask") for layer in empty.layers) == 1
    np.testing.assert_array_equal(
        empty.layers[f"original mask ({widget.review.case.name})"].data,
        to_shown(widget.review.case.before, widget.review.case.grid),
    )
    press(empty, Qt.Key.Key_T)
    assert widget.review.case.name == "case"
    assert len(widget.review.log) == 1
    assert widget.page.case.currentText() == "under way: case"


def test_a_deleted_mask_is_put_back_and_said(widget, empty, qtbot):
    final = widget.layers.layers["final"]
    widget.commands.decide("before")
    empty.layers.remove(final)
    qtbot.waitUntil(lambda: final in empty.layers)
    assert "was put back" in widget.page.note.text()
    assert widget.layers.alive
    press(empty, Qt.Key.Key_K)
    assert len(widget.review.log) == 2


def test_a_cleared_viewer_ends_the_review_and_says_so(widget, empty, folder, qtbot):
    widget.commands.decide("before")
    empty.layers.clear()
    qtbot.waitUntil(lambda: widget.review is None)
    assert "its review is closed" in widget.page.empty.text()
    widget.open_folder(folder)
    assert len(widget.review.log) == 1
