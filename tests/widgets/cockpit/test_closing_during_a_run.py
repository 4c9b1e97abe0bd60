"""A viewer that is closed at any moment of a run: nothing that is under way reaches what is gone.

``OSUDA_CLOSINGS=50`` closes so many, each a little later in its run than the one before.
"""

from __future__ import annotations

import os

import pytest
from qtpy.QtCore import QCoreApplication, QEvent
from qtpy.QtTest import QTest

from napari_osuda.widgets.cockpit.cockpit import _COCKPITS
from napari_osuda.widgets.monitor.widget import MonitorWidget

pytestmark = pytest.mark.viewer

CLOSINGS = int(os.environ.get("OSUDA_CLOSINGS", "3"))
# From the first iteration to a few live previews later.
LONGEST_MS = 400


@pytest.mark.parametrize("turn", range(CLOSINGS))
def test_nothing_reaches_a_viewer_that_was_closed(turn, adapt_widget, viewer, qtbot):
    monitor = MonitorWidget(viewer)
    viewer.window.add_dock_widget(monitor, name="OSUDA: Monitor")
    adapt_widget.settings_panel.set_values(iterations=100_000)
    adapt_widget.adapt()
    qtbot.waitUntil(lambda: bool(adapt_widget.cockpit.history), timeout=60_000)
    # A preview is asked for whenever another slice is shown.
    for step in range(turn % 3):
        viewer.dims.set_current_step(0, step)
    QTest.qWait(LONGEST_MS * turn // max(CLOSINGS - 1, 1))
    controller = adapt_widget.cockpit.controller
    viewer.close()
    # What Qt was told to delete is deleted, and what was on its way arrives.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    qtbot.waitUntil(lambda: not controller.busy and not _COCKPITS, timeout=60_000)
    QTest.qWait(50)
