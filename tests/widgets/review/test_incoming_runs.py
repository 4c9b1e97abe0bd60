from __future__ import annotations

import pytest
from review_widgets import docked

from napari_osuda.napari_layers.masks import RESULT_KEY

pytestmark = pytest.mark.viewer


def test_a_run_that_ends_beside_it_is_reviewed(adapt_widget, viewer, ended, qtbot):
    widget = docked(viewer)
    adapt_widget.adapt()
    ended(adapt_widget)
    qtbot.waitUntil(lambda: widget.review is not None, timeout=20_000)
    roles = [layer.metadata.get(RESULT_KEY) for layer in viewer.layers]
    assert [roles.count(name) for name in ("before", "after", "difference", "final")] == [1, 1, 1, 1]
    assert widget.run.folder == adapt_widget.cockpit.result.folder
    assert {layer.name for layer in widget.layers.images} == {"patient7_t1", "patient7_t2"}
    assert (widget.run.folder / "review.json").exists() or widget.review.log == []
    # A mask that somebody has deleted, a viewer that was cleared: the button leads to a review each time.
    widget.commands.decide("before")
    widget.view.leave()
    adapt_widget.cockpit.review_wanted.emit()
    qtbot.waitUntil(lambda: widget.review is not None, timeout=20_000)
    assert len(widget.review.log) == 1
    # Other images, perhaps another patient's: neither masks nor review of the earlier one stay.
    for layer in [layer for layer in viewer.layers if RESULT_KEY not in layer.metadata]:
        viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: widget.review is None)
    assert "its review is closed" in widget.page.empty.text()
    viewer.window.remove_dock_widget(widget)
