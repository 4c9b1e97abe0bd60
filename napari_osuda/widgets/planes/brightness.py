"""Window and level of the image that is shown: presets, and a range as wide as its data."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QSizePolicy, QWidget

from napari_osuda.napari_layers.contrast import WINDOWS, extremes, show_window
from napari_osuda.widgets.planes.words import NO_IMAGE, ONE_VALUE, RANGE_TIP, WINDOW_TIP, window_words
from napari_osuda.widgets.qt.lists import combo_box
from napari_osuda.widgets.qt.ranges import range_slider, set_ends

__all__ = ["BrightnessBar"]

# Pixels from which list and slider stand beside each other.
_WIDE = 560


class BrightnessBar(QWidget):
    """A list of windows, and a slider between the darkest and the brightest value that are told apart.

    Parameters
    ----------
    *beside : QWidget
        Also stand in the row of the list.
    """

    def __init__(self, *beside: QWidget) -> None:
        super().__init__()
        self.windows = combo_box("Window and level", ("As it is", *WINDOWS), tip=WINDOW_TIP, width="any")
        self.slider = range_slider("Darkest and brightest value shown")
        self._layer: Image | None = None
        # The array whose ends the slider has.
        self._measured: Any = None
        self._ends = (0.0, 0.0)
        self._writing = False
        row = QHBoxLayout()
        row.addWidget(QLabel("Window and level"))
        row.addWidget(self.windows, 1)
        for widget in beside:
            row.addWidget(widget)
        self._both = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self._both.setContentsMargins(0, 0, 0, 0)
        self._both.setSpacing(2)
        self._both.addLayout(row, 1)
        self._both.addWidget(self.slider, 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.windows.activated.connect(self._on_window)
        self.slider.valueChanged.connect(self._on_slider)

    def follow(self, layer: Any | None) -> None:
        """Show how an image is shown, and change it from now on; None or other layers: nothing to change."""
        self._layer = layer if isinstance(layer, Image) else None
        why_not = NO_IMAGE if self._layer is None else "" if self._has_range() else ONE_VALUE
        for widget, tip in ((self.windows, WINDOW_TIP), (self.slider, RANGE_TIP)):
            widget.setEnabled(not why_not)
            widget.setToolTip(why_not or tip)
        if self._layer is None or why_not:
            return
        shown = self._layer.contrast_limits
        self._writing = True
        try:
            # Limits that somebody else has set may lie outside of the data.
            low, high = min(self._ends[0], shown[0]), max(self._ends[1], shown[1])
            if (low, high) != (self.slider.minimum(), self.slider.maximum()):
                set_ends(self.slider, low, high)
            if tuple(self.slider.value()) != tuple(shown):
                self.slider.setValue(tuple(shown))
        finally:
            self._writing = False
        self.slider.setToolTip(f"{RANGE_TIP}\n{window_words(*shown)}")

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Beside each other where there is room, else one below the other."""
        super().resizeEvent(event)
        directions = QBoxLayout.Direction
        wide = self.width() >= _WIDE
        self._both.setDirection(directions.LeftToRight if wide else directions.TopToBottom)

    def _has_range(self) -> bool:
        """Whether the image has several values; its ends are looked up once."""
        assert self._layer is not None
        data = self._layer.data
        if data is not self._measured:
            self._measured = data
            # What is no array in memory is not read for this.
            known = extremes(data) if isinstance(data, np.ndarray) else self._layer.contrast_limits_range
            self._ends = (float(known[0]), float(known[1]))
        return self._ends[1] > self._ends[0]

    def _on_window(self, index: int) -> None:
        if index and self._layer is not None:
            show_window(self._layer, self.windows.itemText(index))
        self.windows.setCurrentIndex(0)
        self.windows.clearFocus()

    def _on_slider(self, value: tuple[float, float]) -> None:
        low, high = sorted(value)
        if self._writing or self._layer is None or high <= low:
            return
        ends = self._layer.contrast_limits_range
        shown = self._layer.contrast_limits
        if low < ends[0] or high > ends[1]:
            self._layer.contrast_limits_range = (min(low, ends[0]), max(high, ends[1]))
            self._layer.contrast_limits = shown
        self._layer.contrast_limits = (low, high)
