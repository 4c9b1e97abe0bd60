from __future__ import annotations

from types import SimpleNamespace

import pytest
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QApplication

from napari_osuda.widgets.adapt.run_panel import RunPanel
from napari_osuda.widgets.adapt.words import STATES
from napari_osuda.widgets.qt.theme import palette

DARK = palette("dark")


@pytest.mark.parametrize("state", STATES)
def test_each_state_is_told_in_words_and_steered_by_its_buttons(qtbot, state):
    panel = RunPanel(DARK)
    qtbot.addWidget(panel)
    panel.set_ready()
    panel.set_state(state)
    assert STATES[state][0] in panel.label.accessibleName()
    busy = state in ("loading", "running", "paused", "stopping")
    assert panel.adapt_button.isEnabled() != busy
    assert panel.stop_button.isEnabled() == (busy and state != "stopping")
    assert panel.pause_button.isEnabled() == (state in ("running", "paused"))


def test_progress_is_told_with_the_time_left(qtbot):
    panel = RunPanel(DARK)
    qtbot.addWidget(panel)
    panel.set_state("running")
    panel.set_progress(SimpleNamespace(stage="adapt", done=12, total=40, seconds_left=125.0))
    assert "adapting, iteration 12 of 40, about 2 min left" in panel.label.text()
    assert (panel.bar.value(), panel.bar.maximum()) == (12, 40)


def test_progress_is_painted_in_its_turn_and_not_at_once(qtbot):
    """A bar that paints itself when it is set paints the whole window with it."""
    panel = RunPanel(DARK)
    qtbot.addWidget(panel)
    panel.set_state("running")
    panel.show()
    qtbot.waitExposed(panel)
    painted = []

    class Watch(QObject):
        def eventFilter(self, watched, event):
            if event.type() == QEvent.Type.Paint:
                painted.append(watched)
            return False

    watch = Watch()
    panel.bar.installEventFilter(watch)
    QApplication.processEvents()
    painted.clear()
    panel.set_progress(SimpleNamespace(stage="adapt", done=30, total=40, seconds_left=12.0))
    assert painted == []
    qtbot.waitUntil(lambda: panel.bar in painted)
    panel.bar.removeEventFilter(watch)
