from __future__ import annotations

import threading

import pytest
from qtpy.QtWidgets import QLabel

from napari_osuda.widgets.tasks import saving
from napari_osuda.widgets.tasks.answer import BUSY, WORKING

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


def test_a_task_waits_for_its_result_before_it_is_asked_again(viewer, masks, qtbot, tmp_path, monkeypatch):
    gate = threading.Event()
    monkeypatch.setattr(saving, "write_layer", lambda path, *_: [path] if gate.wait(30) else [])
    _, form = viewer.window.add_plugin_dock_widget("napari-osuda", "OSUDA: Save mask")
    form.mask.value, form.file.value = masks[0], tmp_path / "mask.nii.gz"
    button = form.call_button.native
    button.click()
    assert form.answer.value == WORKING
    assert not button.isEnabled()
    assert button.toolTip() == BUSY
    gate.set()
    qtbot.waitUntil(button.isEnabled)
    assert form.answer.value == f"Saved {tmp_path / 'mask.nii.gz'}"
