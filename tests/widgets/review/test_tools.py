"""Tools on the final mask, as a hand uses them: buttons, the brush, undo, and what the record says."""

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


@pytest.fixture
def tools(widget) -> Any:
    page = widget.page
    page.tabs.setCurrentIndex(2)
    assert page.tabs.tabText(2) == "Tools"
    return page.tools


def used(widget: Any, qtbot: Any, tool: Tool) -> None:
    click(widget.page.tools.buttons[tool])
    qtbot.waitUntil(lambda: widget.page.note.text() != "Working\N{HORIZONTAL ELLIPSIS}", timeout=20_000)


def test_a_tool_in_this_slice_is_recorded_with_its_parameters_and_undone(widget, empty, tools, qtbot, folder):
    widget.desk.go_to(4)
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
    widget.desk.go_to(3)
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
    widget.acts.undo()
    np.testing.assert_array_equal(widget.review.final, before)


def test_slices_between_two_painted_ones_are_filled(widget, tools, qtbot):
    used(widget, qtbot, Tool.INTERPOLATE)
    assert "Paint two slices" in widget.page.note.text()
    ends = [paint(widget, qtbot, step) for step in (2, 6)]
    widget.desk.go_to(4)
    used(widget, qtbot, Tool.INTERPOLATE)
    qtbot.waitUntil(lambda: asked(widget))
    assert "Interpolate in 3 axial slices (3 to 5)?" in answer(widget, "Apply")
    shown = widget.layers.layers["final"].data
    for step, end in zip((2, 6), ends, strict=True):
        np.testing.assert_array_equal(shown[step], end)
    axial = widget.layers.planes["axial"]
    assert widget.review.drawn("axial") == sorted(axial.index(step) for step in (2, 6))


def test_growing_follows_the_image_that_is_shown(widget, tools, qtbot):
    widget.desk.go_to(4)
    used(widget, qtbot, Tool.GROW)
    assert "Choose the label" in widget.page.note.text()
    tools.label.setCurrentIndex(1)
    value = tools.label.currentData()
    click(tools.from_label)
    assert 50 < tools.low.value() < tools.high.value() < 150
    before = widget.review.final.copy()
    used(widget, qtbot, Tool.GROW)
    changed = widget.review.final != before
    assert changed.any()
    assert (widget.review.final[changed] == value).all()
    image = widget.layers.images[0]
    assert widget.review.log[-1].use.image == image.name
    layer = widget.layers.shown(changed)
    assert (image.data[layer] >= tools.low.value()).all()
    assert (image.data[layer] <= tools.high.value()).all()


def test_the_brush_is_held_to_the_range(widget, tools, qtbot):
    widget.desk.go_to(4)
    image = widget.layers.images[0].data[4]
    middle = float(np.median(image))
    tools.set_range(middle, float(image.max()))
    tools.in_range.setChecked(True)
    widget.edit(True)
    final = widget.layers.layers["final"]
    before = final.data[4].copy()
    final.selected_label, final.brush_size = 3, 40
    final.paint((4, 5, 5), 3)
    qtbot.waitUntil(lambda: len(widget.review.log) == 1)
    inside = image >= round(middle, 4) if tools.low.decimals() == 4 else image >= tools.low.value()
    np.testing.assert_array_equal(final.data[4][~inside], before[~inside])
    assert (final.data[4][inside] == 3).all()
    use = widget.review.log[-1].use
    assert (use.tool, use.label) == (Tool.PAINT_IN_RANGE, 3)
    tools.set_range(1e6, 2e6)
    final.paint((4, 5, 5), 1)
    qtbot.waitUntil(lambda: "No voxel of the stroke" in widget.page.note.text())
    assert len(widget.review.log) == 1


def test_a_label_that_the_model_lacks_is_asked_about(widget, qtbot):
    widget.desk.go_to(4)
    widget.edit(True)
    final = widget.layers.layers["final"]
    before = final.data[4].copy()
    final.brush_size = 1

    def stroke() -> None:
        final.selected_label = 7
        final.paint((4, 5, 5), 7)
        qtbot.waitUntil(lambda: asked(widget))

    stroke()
    np.testing.assert_array_equal(final.data[4], before)
    assert "Label 7 is not one of the model's labels (core, edema)" in answer(widget, "Cancel")
    np.testing.assert_array_equal(final.data[4], before)
    assert widget.review.log == []
    stroke()
    instead = "Use core" if before[5, 5] != 1 else "Use edema"
    answer(widget, instead)
    assert final.data[4, 5, 5] == (1 if instead == "Use core" else 3)
    assert final.selected_label == final.data[4, 5, 5]
    stroke()
    answer(widget, "Keep label 7")
    assert final.data[4, 5, 5] == 7
    assert "label 7" in widget.page.line.text()
    assert widget.page.tools.labels[7] == "label 7"
    # It is known from now on.
    final.paint((4, 5, 6), 7)
    qtbot.waitUntil(lambda: len(widget.review.log) == 3)
    assert not asked(widget)


def test_volumes_in_ml_follow_every_act(widget, empty):
    size = 2.0 * 1.5 * 3.0 / 1000

    def told() -> str:
        return widget.page.line.text().replace("&nbsp;", " ")

    for _ in range(2):
        core = np.count_nonzero(widget.review.final == 1) * size
        assert f"core {core:,.1f} ml" in told()
        assert f">&nbsp;&nbsp;{core:,.2f}<" in widget.page.volumes.text()
        widget.acts.decide_everywhere("before")
        answer(widget, "Use original")
        widget.review.final[...] = 1
        widget.review.commit_edit("axial")
        widget.desk.decided.emit()
    widget.acts.undo()
    assert f"core {np.count_nonzero(widget.review.final == 1) * size:,.1f} ml" in told()
