from __future__ import annotations

import pytest
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QDockWidget, QWidget

from napari_osuda.widgets.qt.painting import PAINTED_MS, paint_apart
from napari_osuda.widgets.qt.window import main_window_of

pytestmark = pytest.mark.viewer


@pytest.fixture
def docked(viewer):
    widget = QWidget()
    viewer.window.add_dock_widget(widget, name="Something")
    yield widget
    viewer.window.remove_dock_widget(widget)
    widget.deleteLater()


def test_a_new_layer_is_painted_in_a_turn_of_its_own(docked, viewer, qtbot):
    window = viewer.window._qt_window
    docks = [window.findChild(QDockWidget, name) for name in ("layer list", "layer controls")]
    parts = [window.centralWidget(), *docks]
    assert all(part is not None for part in parts), "napari calls its docks otherwise"
    turns = []
    paint_apart(docked)
    # What was due in the meantime gets its turn before the painting, and what waits for that comes after.
    QTimer.singleShot(1, lambda: turns.append([part.updatesEnabled() for part in parts]))
    QTimer.singleShot(PAINTED_MS, lambda: turns.append([part.updatesEnabled() for part in parts]))
    qtbot.waitUntil(lambda: len(turns) == 2)
    assert turns == [[False] * 3, [True] * 3]


def test_a_floating_dock_belongs_to_its_window(docked, viewer):
    docked.parent().setFloating(True)
    assert main_window_of(docked) is viewer.window._qt_window


def test_what_is_docked_nowhere_has_nothing_to_put_off(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    assert main_window_of(widget) is None
    paint_apart(widget)
