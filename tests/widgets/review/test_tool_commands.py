"""Tools on the final mask as a hand uses them: buttons, questions, undo, and what the record says."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from review_widgets import answer, asked, paint, press

from napari_osuda.session.review.run import ReviewRun
from napari_osuda.session.review.tools.use import Scope, Tool

pytestmark = pytest.mark.viewer


def click(widget: Any) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def used(widget: Any, qtbot: Any, tool: Tool) -> None:
    click(widget.page.tools.buttons[tool])
    qtbot.waitUntil(lambda: widget.page.note.text() != "Working\N{HORIZONTAL ELLIPSIS}", timeout=20_000)


def test_a_tool_in_this_slice_is_recorded_with_its_parameters_and_undone(widget, empty, tools, qtbot, folder):
    widget.context.go_to(4)
    before = widget.review.final.copy()
    tools.ml.setValue(0.5)
    used(widget, qtbot, Tool.REMOVE_ISLANDS)
    assert not asked(widget)
    entry = widget.review.log[-1]
    assert (entry.kind, entry.use.tool, entry.use.ml, entry.use.scope) == (
        "edited", Tool.REMOVE_ISLANDS, 0.5, Scope.SLICE,
    )  # fmt: skip
    assert entry.slices == (widget.layers.planes["axial"].index(4),)
    assert "Remove islands: changed axial slice 4." in widget.page.note.text()
    assert "ml" in widget.page.note.text()
    assert not widget.layers.layers["final"].data[4].any()
    assert widget.layers.layers["final"].visible, "one sees what it did"
    (logged,) = json.loads((folder / "review.json").read_text())["cases"]["case"]["log"]
    assert logged["use"] == {"tool": "remove islands", "scope": "slice", "ml": 0.5}
    again = ReviewRun.of_folder(folder).review("case")
    np.testing.assert_array_equal(again.final, widget.review.final)
    assert again.log[-1] == entry
    press(empty, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(widget.review.final, before)


def test_more_than_the_slice_that_is_seen_is_named_first(widget, tools, qtbot):
    widget.context.go_to(3)
    before = widget.review.final.copy()
    tools.scope.setCurrentIndex(tools.scope.findData(Scope.SLICES))
    tools.smooth_mm.setValue(3.0)
    used(widget, qtbot, Tool.SMOOTH)
    qtbot.waitUntil(lambda: asked(widget))
    said = answer(widget, "Cancel")
    assert "Smooth in" in said
    assert "axial slices (" in said
    np.testing.assert_array_equal(widget.review.final, before)
    assert widget.review.log == []
    used(widget, qtbot, Tool.SMOOTH)
    qtbot.waitUntil(lambda: asked(widget))
    answer(widget, "Apply")
    assert (widget.review.final != before).any()
    assert len(widget.review.log) == 1
    widget.commands.undo()
    np.testing.assert_array_equal(widget.review.final, before)


def test_slices_between_two_painted_ones_are_filled(widget, tools, qtbot):
    used(widget, qtbot, Tool.INTERPOLATE)
    assert "Paint two slices" in widget.page.note.text()
    ends = [paint(widget, qtbot, step) for step in (2, 6)]
    widget.context.go_to(4)
    used(widget, qtbot, Tool.INTERPOLATE)
    qtbot.waitUntil(lambda: asked(widget))
    assert "Interpolate in 3 axial slices (3 to 5)?" in answer(widget, "Apply")
    shown = widget.layers.layers["final"].data
    for step, end in zip((2, 6), ends, strict=True):
        np.testing.assert_array_equal(shown[step], end)
    axial = widget.layers.planes["axial"]
    assert widget.review.drawn("axial") == sorted(axial.index(step) for step in (2, 6))


def test_growing_follows_the_image_that_is_shown(widget, tools, qtbot):
    widget.context.go_to(4)
    used(widget, qtbot, Tool.GROW)
    assert "Choose the label" in widget.page.note.text()
    tools.label.setCurrentIndex(1)
    value = tools.label.currentData()
    click(tools.from_label)
    assert 50 < tools.range[0] < tools.range[1] < 150
    before = widget.review.final.copy()
    used(widget, qtbot, Tool.GROW)
    changed = widget.review.final != before
    assert changed.any()
    assert (widget.review.final[changed] == value).all()
    image = widget.layers.images[0]
    assert widget.review.log[-1].use.image == image.name
    layer = widget.layers.shown(changed)
    assert (image.data[layer] >= tools.range[0]).all()
    assert (image.data[layer] <= tools.range[1]).all()
