from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from review_widgets import press

pytestmark = pytest.mark.viewer


def test_each_label_has_an_opacity_of_its_own(widget):
    widget.page.opacity.sliders[3].setValue(25)
    colormap = widget.layers.layers["after"].colormap
    assert colormap.map(np.array([3]))[0][3] == pytest.approx(0.25, abs=0.01)
    assert colormap.map(np.array([1]))[0][3] == pytest.approx(1.0)


def test_labels_are_dimmed_and_shown_alone_by_a_key(widget, empty):
    sliders = widget.page.opacity.sliders

    def after(key: Any) -> list[int]:
        press(empty, key)
        return [slider.value() for slider in sliders.values()]

    assert list(sliders) == [1, 3]
    assert [after(Qt.Key.Key_Y) for _ in range(4)] == [[50, 50], [20, 20], [100, 100], [50, 50]]
    assert [after(Qt.Key.Key_N) for _ in range(4)] == [[50, 0], [0, 50], [50, 50], [50, 0]]
    colormap = widget.layers.layers["after"].colormap
    assert colormap.map(np.array([3]))[0][3] == pytest.approx(0)
