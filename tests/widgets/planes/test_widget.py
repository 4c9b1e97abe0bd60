"""The two other planes: clicks and the wheel move one point, and windows keep the range of the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_osuda.napari_layers.contrast import WINDOWS, window_of

pytestmark = pytest.mark.viewer


def titles(planes: Any) -> set[str]:
    return {view.title for view in planes.views}


def test_clicks_move_one_point_and_windows_keep_the_range(planes, viewer, qtbot):
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
    qtbot.waitUntil(lambda: {title.split()[0] for title in titles(planes)} == {"Axial", "Sagittal"})
    viewer.dims.order = (0, 1, 2)
    top = [layer for layer in viewer.layers if layer.visible and isinstance(layer, Image)][-1]
    low, high = float(top.data.min()), float(top.data.max())
    for row, name in enumerate(WINDOWS, start=1):
        planes.brightness.windows.setCurrentIndex(row)
        planes.brightness.windows.activated.emit(row)
        assert tuple(top.contrast_limits) == pytest.approx(window_of(top.data, name))
        assert top.contrast_limits_range[0] <= low
        assert top.contrast_limits_range[1] >= high
    # Layers come and go.
    viewer.layers.clear()
    qtbot.waitUntil(lambda: planes.empty.isVisibleTo(planes))
