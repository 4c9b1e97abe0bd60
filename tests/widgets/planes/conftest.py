"""The two other planes, below the picture of a window that is seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt

from napari_osuda.napari_layers.images import read_layers
from napari_osuda.widgets.planes import PlanesWidget
from napari_osuda.widgets.qt.window import main_window_of


@pytest.fixture
def viewer(make_napari_viewer: Any, patient: Path) -> Any:
    """A window that is seen: where a click lies is reckoned from its real size."""
    viewer = make_napari_viewer(show=True)
    for path in sorted(patient.iterdir()):
        for data, arguments, kind in read_layers(str(path)):
            getattr(viewer, f"add_{kind}")(data, **arguments)
    return viewer


@pytest.fixture
def planes(viewer: Any, qtbot: Any) -> Iterator[Any]:
    widget = PlanesWidget(viewer)
    dock = viewer.window.add_dock_widget(widget, name="OSUDA: Planes")
    below = Qt.DockWidgetArea.BottomDockWidgetArea
    qtbot.waitUntil(lambda: main_window_of(widget).dockWidgetArea(dock) == below, timeout=20_000)
    yield widget
    if not widget._ended:
        viewer.window.remove_dock_widget(widget)
