"""The brush: held to a range of intensities, and to labels that the model has."""

from __future__ import annotations

import numpy as np
import pytest
from review_widgets import answer, asked

from napari_osuda.session.review.tools.use import Tool

pytestmark = pytest.mark.viewer


def test_the_brush_is_held_to_the_range(widget, tools, qtbot):
    widget.context.go_to(4)
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
    inside = image >= tools.range[0]
    np.testing.assert_array_equal(final.data[4][~inside], before[~inside])
    assert (final.data[4][inside] == 3).all()
    use = widget.review.log[-1].use
    assert (use.tool, use.label) == (Tool.PAINT_IN_RANGE, 3)
    tools.set_range(1e6, 2e6)
    final.paint((4, 5, 5), 1)
    qtbot.waitUntil(lambda: "No voxel of the stroke" in widget.page.note.text())
    assert len(widget.review.log) == 1


def test_a_label_that_the_model_lacks_is_asked_about(widget, qtbot):
    widget.context.go_to(4)
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
