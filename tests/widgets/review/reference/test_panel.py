from __future__ import annotations

import pytest
from qtpy.QtCore import Qt

pytestmark = pytest.mark.viewer


def test_a_reference_layer_is_chosen_with_mouse_and_keys(widget, empty, qtbot):
    final = widget.layers.layers["final"]
    place = {key: getattr(final, key) for key in ("scale", "translate", "units", "axis_labels")}
    drawn = empty.add_labels(widget.layers.layers["before"].data.copy(), name="drawn by hand", **place)
    drawn.metadata = dict(empty.layers["case_flair"].metadata)
    tabs, panel = widget.page.tabs, widget.page.reference
    at = [tabs.tabText(index) for index in range(tabs.count())].index("Scores")
    qtbot.mouseClick(tabs.tabBar(), Qt.MouseButton.LeftButton, pos=tabs.tabBar().tabRect(at).center())
    assert panel.combo.isVisibleTo(widget)
    qtbot.keyClick(panel.combo, Qt.Key.Key_Down)
    assert panel.combo.currentText() == "drawn by hand"
    qtbot.waitUntil(lambda: panel.scores.text().count("1.000") == 1)
    for _ in range(2):
        qtbot.keyClick(panel.map, Qt.Key.Key_Down)
    assert "Error map of the adapted mask" in empty.layers
    assert panel.meaning.isVisibleTo(widget)
    for _ in range(2):
        qtbot.keyClick(panel.map, Qt.Key.Key_Up)
    assert "Error map of the adapted mask" not in empty.layers
    assert widget.layers.layers["after"].visible
    qtbot.keyClick(panel.combo, Qt.Key.Key_Up)
    assert not panel.scores.isVisibleTo(widget)
