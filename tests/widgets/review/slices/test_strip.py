from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, Qt

from napari_osuda.widgets.qt.theme import palette
from napari_osuda.widgets.review.slices.strip import ChangeStrip

COLORS = palette("dark")


@pytest.fixture
def strip(qtbot):
    widget = ChangeStrip(COLORS)
    qtbot.addWidget(widget)
    widget.resize(200, 48)
    widget.set_values([0, 4, 16, 1], ["", "after", "before", "edited"], [False, False, True, False])
    return widget


@pytest.mark.parametrize(("x", "step"), [(-5, 0), (0, 0), (49, 0), (51, 1), (199, 3), (500, 3)])
def test_each_slice_has_its_share_of_the_width(strip, x, step):
    assert strip.step_at(x) == step


def test_a_click_goes_to_the_slice_and_a_held_button_along(strip, qtbot):
    went = []
    strip.went.connect(went.append)
    with qtbot.waitExposed(strip):
        strip.show()
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(110, 20))
    assert went == [2]


def test_a_strip_without_slices_goes_nowhere(strip, qtbot):
    strip.set_values((), (), ())
    assert strip.step_at(50) == 0
    went = []
    strip.went.connect(went.append)
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(110, 20))
    assert not went
    strip.grab()


def test_bars_have_the_color_of_what_was_decided(strip):
    picture = strip.grab().toImage()
    ratio = picture.width() / strip.width()
    # The band below the bars: nothing, adapted, original, edited.
    found = [picture.pixelColor(int((25 + 50 * k) * ratio), int(44 * ratio)).name() for k in range(4)]
    assert found[1:] == [COLORS.green, COLORS.orange, COLORS.purple]
    assert found[0] == COLORS.foreground
