"""Window and level: the slider has the ends of the data, follows the image, and changes it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.layers import Image, Labels
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QSlider

from napari_osuda.napari_layers.contrast import WINDOWS, window_of
from napari_osuda.widgets.planes.brightness import BrightnessBar
from napari_osuda.widgets.planes.words import NO_IMAGE, ONE_VALUE


@pytest.fixture
def bar(qtbot: Any) -> BrightnessBar:
    made = BrightnessBar()
    qtbot.addWidget(made)
    made.resize(320, 60)
    made.show()
    qtbot.waitExposed(made)
    return made


def volume() -> Image:
    data = np.linspace(-50, 1000, 64, dtype=np.float32).reshape(4, 4, 4)
    return Image(data, contrast_limits=(0, 600))


def test_the_slider_is_as_wide_as_the_data_whatever_the_layer_says(bar):
    layer = volume()
    bar.follow(layer)
    assert (bar.slider.minimum(), bar.slider.maximum()) == (-50, 1000)
    assert bar.slider.value() == pytest.approx((0, 600))
    assert tuple(layer.contrast_limits) == (0, 600), "following changes nothing"
    assert "Window 600, level 300" in bar.slider.toolTip()
    layer.contrast_limits = (200, 300)
    bar.follow(layer)
    assert bar.slider.value() == pytest.approx((200, 300))


def test_dragging_a_handle_changes_the_image(bar, qtbot):
    layer = volume()
    bar.follow(layer)
    inner = next(s for s in bar.slider.findChildren(QSlider))
    where = inner._handleRect(1).center()
    start = QPoint(int(where.x()), int(where.y()))
    QTest.mousePress(inner, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(inner, QPoint(inner.width() - 1, start.y()))
    QTest.mouseRelease(inner, Qt.MouseButton.LeftButton, pos=QPoint(inner.width() - 1, start.y()))
    qtbot.waitUntil(lambda: tuple(layer.contrast_limits) == pytest.approx((0, 1000)))
    assert layer.contrast_limits_range[1] >= 1000


@pytest.mark.parametrize("name", WINDOWS)
def test_a_window_of_the_list_moves_the_slider(bar, name):
    layer = volume()
    bar.follow(layer)
    row = bar.windows.findText(name)
    bar.windows.setCurrentIndex(row)
    bar.windows.activated.emit(row)
    bar.follow(layer)
    assert bar.slider.value() == pytest.approx(window_of(layer.data, name))
    assert bar.windows.currentText() == "As it is"


@pytest.mark.parametrize(
    ("layer", "why"),
    [(None, NO_IMAGE), (Labels(np.ones((2, 2, 2), int)), NO_IMAGE),
     (Image(np.ones((2, 2, 2))), ONE_VALUE), (Image(np.full((2, 2, 2), np.nan, np.float32)), ONE_VALUE)],
)  # fmt: skip
def test_where_nothing_can_be_changed_both_are_gray_and_say_why(bar, layer, why):
    bar.follow(volume())
    bar.follow(layer)
    for widget in (bar.windows, bar.slider):
        assert not widget.isEnabled()
        assert widget.toolTip() == why


def test_a_wide_place_holds_both_in_one_row(bar, qtbot):
    assert bar.windows.geometry().bottom() < bar.slider.geometry().top()
    bar.resize(900, 40)
    qtbot.waitUntil(lambda: bar.windows.geometry().right() < bar.slider.geometry().left())
