from __future__ import annotations

import numpy as np
import pytest
from review_parts import AFFINE
from review_widgets import SHAPE, docked

from napari_osuda.imaging import Grid
from napari_osuda.imaging.world import to_shown
from napari_osuda.napari_layers.run_folder import get_run_folder_reader
from napari_osuda.widgets.review.words import OPENING

pytestmark = pytest.mark.viewer


def test_a_folder_reopens_with_decisions_edits_and_place(widget, empty, folder, qtbot):
    widget.context.go_to(6)
    widget.commands.decide("before")
    widget.edit(True)
    final = widget.layers.layers["final"]
    final.brush_size = 1
    final.paint((widget.context.step, 4, 4), 1 if final.data[widget.context.step, 4, 4] != 1 else 3)
    qtbot.waitUntil(lambda: len(widget.review.log) == 2)
    widget.edit(False)
    widget.context.go_to(4)
    mask, log = widget.review.final.copy(), list(widget.review.log)
    empty.window.remove_dock_widget(widget)
    assert all(layer.editable for layer in empty.layers)
    reader = get_run_folder_reader(str(folder))
    for data, arguments, kind in reader(str(folder)):
        getattr(empty, f"add_{kind}")(data, **arguments)
    np.testing.assert_array_equal(empty.layers["final mask (case)"].data, to_shown(mask, Grid(SHAPE, AFFINE)))
    count = len(empty.layers)
    again = docked(empty)
    assert again.page.note.text() == OPENING
    qtbot.waitUntil(lambda: again.review is not None, timeout=20_000)
    assert again.review.log == log
    assert again.context.step == 4
    assert len(empty.layers) == count, "the reader's layers are taken over"
    assert np.shares_memory(empty.layers["final mask (case)"].data, again.review.final)
    empty.window.remove_dock_widget(again)
    assert len(empty.layers) == count, "what a reader has opened stays"
