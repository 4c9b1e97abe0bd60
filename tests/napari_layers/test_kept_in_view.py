"""A panel that opens cuts no picture off, and a patient that is closed leaves no black slice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QWidget

from napari_osuda.napari_layers.orientation import show_letters

pytestmark = pytest.mark.viewer


@pytest.fixture
def viewer(make_napari_viewer: Any) -> Any:
    viewer = make_napari_viewer(show=True)
    viewer.add_image(np.zeros((20, 30, 40), np.float32), name="long")
    show_letters(viewer)
    return viewer


def seen_whole(viewer: Any) -> bool:
    canvas, camera = viewer.window._qt_viewer.canvas.native, viewer.scene.camera
    return 30 * camera.zoom <= canvas.height() and 40 * camera.zoom <= canvas.width()


def panel_below(viewer: Any) -> QWidget:
    widget = QWidget()
    widget.setMinimumHeight(round(0.6 * viewer.window._qt_viewer.canvas.native.height()))
    viewer.window.add_dock_widget(widget, area="bottom")
    return widget


def test_a_picture_that_was_seen_whole_stays_so_and_grows_again(viewer, qtbot):
    canvas = viewer.window._qt_viewer.canvas.native
    qtbot.waitUntil(lambda: viewer.canvas.size == (canvas.height(), canvas.width()))
    viewer.fit_to_view()
    high, zoom = canvas.height(), viewer.scene.camera.zoom
    widget = panel_below(viewer)
    qtbot.waitUntil(lambda: canvas.height() < high and viewer.scene.camera.zoom < zoom)
    assert seen_whole(viewer)
    viewer.window.remove_dock_widget(widget)
    qtbot.waitUntil(lambda: viewer.scene.camera.zoom >= zoom)
    assert seen_whole(viewer)


@pytest.mark.parametrize("times", [4.0, 0.2])
def test_a_picture_that_a_person_has_zoomed_keeps_its_zoom(viewer, qtbot, times):
    canvas = viewer.window._qt_viewer.canvas.native
    qtbot.waitUntil(lambda: viewer.canvas.size == (canvas.height(), canvas.width()))
    viewer.fit_to_view()
    viewer.scene.camera.zoom *= times
    high, zoom = canvas.height(), viewer.scene.camera.zoom
    panel_below(viewer)
    kept = show_letters(viewer).kept
    qtbot.waitUntil(lambda: canvas.height() < high and not kept._soon.isActive())
    assert viewer.scene.camera.zoom == zoom


@pytest.mark.parametrize("step", [18, 5])
def test_after_the_longer_scan_is_closed_a_slice_inside_the_other_is_shown(viewer, qtbot, step):
    viewer.add_image(np.zeros((11, 30, 40), np.float32), name="short")
    viewer.dims.set_current_step(0, step)
    viewer.layers.remove("long")
    qtbot.waitUntil(lambda: viewer.dims.current_step[0] == 5)
    assert viewer.dims.nsteps[0] == 11


def test_the_last_slice_stays_where_a_person_has_gone_to_it(viewer, qtbot):
    viewer.add_image(np.zeros((11, 30, 40), np.float32), name="short")
    viewer.dims.set_current_step(0, 10)
    viewer.layers.remove("long")
    kept = show_letters(viewer).kept
    qtbot.waitUntil(lambda: kept._point is None)
    assert viewer.dims.current_step[0] == 10
