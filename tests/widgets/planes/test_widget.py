"""Three linked planes: a click in any of them, or in the picture, moves the crosshair of all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_osuda.napari_layers.contrast import WINDOWS, window_of
from napari_osuda.napari_layers.images import read_layers
from napari_osuda.napari_layers.orientation import show_patient
from napari_osuda.widgets.planes import PlanesWidget
from napari_osuda.widgets.qt.window import main_window_of

pytestmark = pytest.mark.viewer


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
    qtbot.waitUntil(lambda: main_window_of(widget).dockWidgetArea(dock) == below)
    yield widget
    if not widget._ended:
        viewer.window.remove_dock_widget(widget)


def titles(planes: Any) -> set[str]:
    return {view.title for view in planes.views}


def test_clicks_move_one_crosshair_and_windows_keep_the_range(planes, viewer, qtbot):
    base = next(layer for layer in viewer.layers if "t2" in layer.name)
    viewer.dims.set_current_step(0, 3)
    qtbot.waitUntil(lambda: planes.views[0].title.startswith("Coronal"))
    assert planes.views[1].title.startswith("Sagittal")
    # The coronal picture has S upwards and R to the left.
    QTest.mouseClick(planes.views[0], Qt.MouseButton.LeftButton, pos=planes.views[0].at(5, 4).toPoint())
    at = base.world_to_data(np.asarray(viewer.dims.point))
    assert (round(at[0]), round(at[2])) == (5, 4)
    qtbot.waitUntil(lambda: planes.views[1].title == "Sagittal 4")
    planes.views[1].stepped.emit(2)
    qtbot.waitUntil(lambda: planes.views[1].title == "Sagittal 6")
    viewer.dims.order = (1, 0, 2)
    qtbot.waitUntil(lambda: {t.split()[0] for t in titles(planes)} == {"Axial", "Sagittal"})
    viewer.dims.order = (0, 1, 2)
    # The crosshair on the large picture, and the click that moves it.
    viewer.layers.selection.active = base
    show_patient(viewer)
    viewer.reset_view()
    canvas = viewer.window._qt_viewer.canvas.native
    horizontal, vertical = planes.crosshair.lines
    qtbot.waitUntil(lambda: horizontal.isVisibleTo(canvas))
    place = (vertical.x() + 12, horizontal.y() + 9)
    QTest.mouseMove(canvas, canvas.rect().center())
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=type(canvas.rect().center())(*place))
    # The crosshair lies in the middle of a voxel.
    near = 0.5 * viewer.scene.camera.zoom * max(base.scale) + 2
    qtbot.waitUntil(lambda: abs(vertical.x() - place[0]) <= near and abs(horizontal.y() - place[1]) <= near)
    at = base.world_to_data(np.asarray(viewer.dims.point))
    assert at[2] < 6, "right on the screen is the patient's left"
    planes.cross.setChecked(False)
    assert not horizontal.isVisibleTo(canvas)
    # The range is as wide as the data, in every window.
    top = [layer for layer in viewer.layers if layer.visible and isinstance(layer, Image)][-1]
    low, high = float(top.data.min()), float(top.data.max())
    for row, name in enumerate(WINDOWS, start=1):
        planes.windows.setCurrentIndex(row)
        planes.windows.activated.emit(row)
        assert tuple(top.contrast_limits) == pytest.approx(window_of(top.data, name))
        assert top.contrast_limits_range[0] <= low
        assert top.contrast_limits_range[1] >= high
    viewer.dims.ndisplay = 3
    qtbot.waitUntil(lambda: not planes.crosshair.lines[1].isVisibleTo(canvas))
    viewer.dims.ndisplay = 2
    callbacks = len(viewer.mouse_drag_callbacks)
    viewer.window.remove_dock_widget(planes)
    qtbot.waitUntil(lambda: planes._ended)
    assert len(viewer.mouse_drag_callbacks) == callbacks - 1
