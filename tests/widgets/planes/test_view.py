from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_osuda.widgets.planes.cutting import Cut
from napari_osuda.widgets.planes.view import PlaneView


@pytest.fixture
def view(qtbot) -> PlaneView:
    view = PlaneView()
    qtbot.addWidget(view)
    view.resize(300, 200)
    pixels = np.zeros((10, 20, 3), np.uint8)
    pixels[2, 5] = 255
    view.show_cut(Cut(pixels, (2.0, 1.0)), (2, 5), letters={"left": "R"}, title="Axial 3")
    view.show()
    return view


@settings(deadline=None, max_examples=40)
@given(st.floats(0, 9), st.floats(0, 19), st.sampled_from(["up", "down"]), st.sampled_from(["left", "right"]))
def test_a_place_on_the_screen_is_a_pixel_and_back(qapp, row, column, down, across):
    view = PlaneView()
    view.resize(310, 190)
    view.show_cut(Cut(np.zeros((10, 20, 3), np.uint8), (2.0, 1.0)), ways=(down, across))
    assert view.pixel(view.at(row, column)) == pytest.approx((row, column))
    view.deleteLater()


def test_a_click_picks_and_the_wheel_steps(view, qtbot):
    picked, stepped = [], []
    view.picked.connect(lambda *at: picked.append(at))
    view.stepped.connect(stepped.append)
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=view.at(7, 3).toPoint())
    assert picked[-1] == pytest.approx((7, 3), abs=0.2)
    QTest.mouseClick(view, Qt.MouseButton.RightButton, pos=view.at(1, 1).toPoint())
    assert len(picked) == 1
    middle = QPointF(view.rect().center())
    for turn in (120, -120, 60, 60):
        event = QWheelEvent(
            middle, QPointF(view.mapToGlobal(middle.toPoint())), QPoint(), QPoint(0, turn),
            Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(view, event)
    assert stepped == [1, -1, 1]


def test_the_picture_is_as_the_radiologist_looks_at_it(view):
    shown = view.grab().toImage()
    bright = view.at(2.0, 5.6).toPoint()
    # Rows and columns count up and to the left: pixel (2, 5) is low and on the right.
    assert bright.x() > view.width() / 2
    assert bright.y() > view.height() / 2
    ratio = shown.width() / view.width()
    assert shown.pixelColor(round(bright.x() * ratio), round((bright.y() - 4) * ratio)).lightness() > 60
    view.show_cut(None)
    assert view.grab().toImage().pixelColor(10, 10).lightness() == 0
