from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from review_widgets import press

pytestmark = pytest.mark.viewer

BEFORE, AFTER = "original mask (case)", "adapted mask (case)"


@pytest.mark.parametrize(
    ("key", "visible"),
    [
        (Qt.Key.Key_W, {"case_flair", BEFORE, AFTER}),
        (Qt.Key.Key_D, {"case_flair", "difference (case)"}),
        (Qt.Key.Key_R, {"case_flair", "final mask (case)"}),
        (Qt.Key.Key_S, {"case_flair (left)", BEFORE, "case_flair (right)", AFTER}),
    ],
)
def test_each_way_to_look_is_a_key(widget, empty, key, visible):
    press(empty, key)
    assert {layer.name for layer in empty.layers if layer.visible} == visible


def test_side_by_side_is_linked_and_gives_the_grid_back(widget, empty):
    order = [layer.name for layer in empty.layers]
    widget.compare("side")
    grid = empty.canvas.grid
    assert grid.enabled
    places = [{empty.layers[i].name for i in inside if empty.layers[i].visible}
              for _, inside in grid.iter_viewboxes(empty.layers)]  # fmt: skip
    assert places == [{"case_flair (left)", BEFORE}, {"case_flair (right)", AFTER}]
    empty.layers["case_flair (left)"].contrast_limits = (90, 110)
    assert empty.layers["case_flair (right)"].contrast_limits == [90, 110]
    widget.compare("overlay")
    assert not grid.enabled
    copies = ["case_flair (left)", "case_flair (right)"]
    assert [layer.name for layer in empty.layers] == [*copies, *order]
    assert not any(empty.layers[name].visible for name in copies)
    assert empty.layers["case_flair"].visible
    widget.compare("side")
    assert [layer.name for layer in empty.layers if layer.visible] == [
        copies[0], BEFORE, copies[1], AFTER,
    ]  # fmt: skip


def test_blinking_lasts_as_long_as_the_key_is_held(widget, empty):
    from qtpy.QtTest import QTest

    canvas = empty.window._qt_viewer.canvas.native
    QTest.keyPress(canvas, Qt.Key.Key_Q)
    assert {name for name, layer in widget.layers.layers.items() if layer.visible} == {"before"}
    QTest.keyRelease(canvas, Qt.Key.Key_Q)
    assert {name for name, layer in widget.layers.layers.items() if layer.visible} == {"before", "after"}
