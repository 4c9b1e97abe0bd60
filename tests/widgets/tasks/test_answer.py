from __future__ import annotations

import pytest
from qtpy.QtWidgets import QLabel

pytestmark = pytest.mark.viewer


def test_the_form_shares_a_place_and_cuts_no_label(viewer, masks, qtbot):
    window = viewer.window._qt_window
    window.resize(1366, 768)
    viewer.window.add_plugin_dock_widget("napari-osuda", "OSUDA: Adapt")
    dock, form = viewer.window.add_plugin_dock_widget("napari-osuda", "OSUDA: Evaluate against a layer")
    qtbot.waitUntil(lambda: bool(window.tabifiedDockWidgets(dock)), timeout=20_000)
    qtbot.waitUntil(lambda: window.height() <= 768, timeout=20_000)
    assert dock.windowTitle() == "Evaluate"
    labels = [label for label in form.native.findChildren(QLabel) if label.text()]
    assert {"Mask", "Reference", "Result"} <= {label.text() for label in labels}
    assert all(label.width() >= label.sizeHint().width() for label in labels)
