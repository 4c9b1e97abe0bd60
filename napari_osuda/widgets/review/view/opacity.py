"""How strongly each label covers the image."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor, QPixmap
from qtpy.QtWidgets import (
    QGridLayout,
    QLabel,
    QSlider,
    QWidget,
)
from superqt import QElidingLabel

from napari_osuda.models.card_defaults import color_of

# Steps of opacity, in percent.
_STRENGTHS = (100, 50, 20)


class LabelOpacity(QWidget):
    """A slider for each label."""

    #: Label value, opacity from 0 to 1.
    changed = Signal(int, float)

    def __init__(self) -> None:
        super().__init__()
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setColumnStretch(1, 1)
        self.sliders: dict[int, QSlider] = {}

    def set_labels(self, labels: Mapping[int, str], colors: Mapping[int, str]) -> None:
        """Make a slider for each label but the background, all the way up."""
        while (item := self._layout.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        self.sliders.clear()
        for row, (value, name) in enumerate((v, n) for v, n in labels.items() if v != 0):
            chip = QPixmap(12, 12)
            chip.fill(QColor(color_of(colors, value)))
            title = QLabel()
            title.setPixmap(chip)
            named = QElidingLabel(name)
            named.setToolTip(name)
            slider = QSlider(Qt.Orientation.Horizontal)
            slider.setRange(0, 100)
            slider.setValue(100)
            slider.setFixedWidth(110)
            slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            slider.setAccessibleName(f"Opacity of {name}")
            slider.valueChanged.connect(lambda at, value=value: self.changed.emit(value, at / 100))
            self.sliders[value] = slider
            for column, widget in enumerate((title, named, slider)):
                self._layout.addWidget(widget, row, column)

    def next_strength(self) -> None:
        """Make all labels fainter by a step, and after the faintest opaque again."""
        most = max((slider.value() for slider in self.sliders.values()), default=0)
        wanted = next((at for at in _STRENGTHS if at < most), _STRENGTHS[0])
        for slider in self.sliders.values():
            slider.setValue(wanted)

    def next_alone(self) -> None:
        """Show the first label alone, then the next one, and after the last all of them."""
        shown = [value for value, slider in self.sliders.items() if slider.value()]
        values = list(self.sliders)
        at = values.index(shown[0]) + 1 if len(shown) == 1 < len(values) else 0
        alone = values[at] if at < len(values) else None
        most = max((slider.value() for slider in self.sliders.values()), default=0)
        for value, slider in self.sliders.items():
            slider.setValue(most if alone in (value, None) else 0)
