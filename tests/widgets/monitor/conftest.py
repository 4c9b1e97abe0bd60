"""A Monitor without a window of napari, and one in it after a run."""

from __future__ import annotations

import pytest
from napari.components import ViewerModel

from napari_osuda.widgets.monitor.widget import MonitorWidget


@pytest.fixture
def monitor(qtbot):
    viewer = ViewerModel()
    widget = MonitorWidget(viewer)
    widget.resize(320, 1000)
    with qtbot.waitExposed(widget):
        widget.show()
    yield widget
    widget.close()
    widget.deleteLater()


@pytest.fixture
def after_run(adapt_widget, viewer, ended):
    """The monitor of a run of six iterations that has ended."""
    widget = MonitorWidget(viewer)
    viewer.window.add_dock_widget(widget, name="OSUDA: Monitor")
    adapt_widget.settings_panel.set_values(iterations=6, learning_rate=1e-2)
    viewer.dims.set_current_step(0, 4)
    adapt_widget.adapt()
    ended(adapt_widget)
    widget.refresh()
    yield widget
    if not widget._ended:
        viewer.window.remove_dock_widget(widget)
