"""The crosshair on the large picture, and the click that moves it."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_osuda.napari_layers.orientation import show_patient

pytestmark = pytest.mark.viewer


def test_a_click_on_the_picture_moves_the_crosshair_and_closing_takes_it_away(planes, viewer, qtbot):
    base = next(layer for layer in viewer.layers if "t2" in layer.name)
    viewer.dims.set_current_step(0, 3)
    viewer.layers.selection.active = base
    show_patient(viewer)
    viewer.reset_view()
    canvas = viewer.window._qt_viewer.canvas.native
    horizontal, vertical = planes.crosshair.lines
    qtbot.waitUntil(lambda: horizontal.isVisibleTo(canvas))
    clicked = QPoint(vertical.x() + 12, horizontal.y() + 9)
    QTest.mouseMove(canvas, canvas.rect().center())
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=clicked)
    # The crosshair lies in the middle of a voxel.
    near = 0.5 * viewer.scene.camera.zoom * max(base.scale) + 2
    qtbot.waitUntil(
        lambda: abs(vertical.x() - clicked.x()) <= near and abs(horizontal.y() - clicked.y()) <= near
    )
    assert base.world_to_data(np.asarray(viewer.dims.point))[0] == pytest.approx(3), "the slice stays"
    # While a tool is chosen, a click is the tool's.
    labels = next(layer for layer in viewer.layers if "seg" in layer.name)
    viewer.layers.selection.active = labels
    labels.mode = "paint"
    point = tuple(viewer.dims.point)
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.rect().center() / 2)
    assert tuple(viewer.dims.point) == point
    planes.cross.setChecked(False)
    assert not horizontal.isVisibleTo(canvas)
    planes.cross.setChecked(True)
    viewer.dims.ndisplay = 3
    qtbot.waitUntil(lambda: not vertical.isVisibleTo(canvas))
    viewer.dims.ndisplay = 2
    callbacks = len(viewer.mouse_drag_callbacks)
    viewer.window.remove_dock_widget(planes)
    qtbot.waitUntil(lambda: planes._ended)
    assert len(viewer.mouse_drag_callbacks) == callbacks - 1
