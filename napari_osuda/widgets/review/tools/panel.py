"""The tools and their numbers, as one panel."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QEnterEvent, QShowEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_osuda.method.settings import declared_settings
from napari_osuda.session.review.tools.numbers import ToolNumbers
from napari_osuda.session.review.tools.use import Scope, Tool, ToolUse
from napari_osuda.widgets.qt.buttons import push_button
from napari_osuda.widgets.qt.editors import editor
from napari_osuda.widgets.qt.lists import combo_box
from napari_osuda.widgets.review.tools import words
from napari_osuda.widgets.review.tools.pieces import PiecesPanel

__all__ = ["ToolPanel"]


# Pixels for a number with its unit between the buttons of a box.
_NUMBER = 112


class ToolPanel(QWidget):
    """One button a tool, with its number beside it."""

    #: A `ToolUse` is wanted.
    used = Signal(object)
    #: The range of the label is wanted.
    range_wanted = Signal()
    #: Someone comes to the panel: the ends of the image that is shown are wanted.
    ends_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.label = _combo(words.LABEL)
        self.scope = _combo(words.WHERE)
        for scope, title in words.SCOPES.items():
            self.scope.addItem(title, scope)
        self.pieces = PiecesPanel()
        self.buttons: dict[Tool, QPushButton] = {
            tool: push_button(title, words.TIPS[tool])
            for tool, title in words.TITLES.items()
            if tool is not Tool.BRING_BACK
        }
        known = declared_settings(ToolNumbers)
        self._editors = {name: editor(name, one, one.meaning) for name, one in known.items()}
        self.ml, self.smooth_mm, self.grow_mm = (
            _number(self._editors[name].native) for name in ("ml", "smooth_mm", "grow_mm")
        )
        self.intensity = self._editors["intensity"].native
        self._title = QLabel(known["intensity"].setting.label)
        self._title.setToolTip(known["intensity"].meaning)
        self.from_label = push_button(words.FROM_LABEL, words.FROM_LABEL_TIP)
        self.in_range = QCheckBox(words.IN_RANGE)
        self.in_range.setToolTip(words.IN_RANGE_TIP)
        self._arrange()
        for tool, button in self.buttons.items():
            button.clicked.connect(lambda _, tool=tool: self.used.emit(self.use(tool)))
        self.pieces.used.connect(self.used)
        self.from_label.clicked.connect(self.range_wanted)

    def set_labels(self, labels: Mapping[int, str]) -> None:
        """List the labels of a case; the chosen one stays."""
        chosen = self.label.currentData()
        self.label.clear()
        self.label.addItem(words.ALL_LABELS, None)
        for value, name in labels.items():
            if value != 0:
                self.label.addItem(name, value)
        self.label.setCurrentIndex(max(self.label.findData(chosen), 0))

    @property
    def labels(self) -> dict[int, str]:
        """The labels that are listed."""
        return {self.label.itemData(row): self.label.itemText(row) for row in range(1, self.label.count())}

    def use(self, tool: Tool, image: str = "") -> ToolUse:
        """A use of a tool as it is set up here."""
        with_range = tool in (Tool.GROW, Tool.PAINT_IN_RANGE)
        mm = {Tool.SMOOTH: self.smooth_mm, Tool.GROW: self.grow_mm}.get(tool)
        return ToolUse(
            tool,
            self.label.currentData(),
            Scope(self.scope.currentData()),
            ml=self.ml.value() if tool is Tool.REMOVE_ISLANDS else None,
            mm=None if mm is None else mm.value(),
            low=self.range[0] if with_range else None,
            high=self.range[1] if with_range else None,
            image=image,
        )

    @property
    def range(self) -> tuple[float, float]:
        """The range of intensities."""
        low, high = self.intensity.value()
        return float(low), float(high)

    @property
    def has_range(self) -> bool:
        """Whether a range of intensities was set."""
        return self.range[1] > self.range[0]

    def set_range(self, low: float, high: float) -> None:
        """Set the range of intensities."""
        # As many digits as tell the two ends apart.
        self.intensity.setDecimals(0 if high - low >= 100 else 1 if high - low >= 5 else 4)
        self._set(min(low, self.intensity.minimum()), max(high, self.intensity.maximum()), (low, high))

    def set_ends(self, low: float, high: float) -> None:
        """Let the range be chosen between these intensities; one that was set stays as it is."""
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            return
        if self.has_range:
            self._set(min(low, self.range[0]), max(high, self.range[1]), self.range)
        else:
            self.intensity.setDecimals(0 if high - low >= 100 else 4)
            self._set(low, high, (low, low))

    def _set(self, low: float, high: float, value: tuple[float, float]) -> None:
        self.intensity.setRange(low, high)
        self.intensity.setValue(value)

    def showEvent(self, event: QShowEvent | None) -> None:
        """The tools are opened."""
        super().showEvent(event)
        self.ends_wanted.emit()

    def enterEvent(self, event: QEnterEvent | None) -> None:
        """The pointer comes: another image may be shown by now."""
        super().enterEvent(event)
        self.ends_wanted.emit()

    def _arrange(self) -> None:
        grid = QGridLayout()
        grid.setSpacing(4)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(2, 1)
        beside: dict[Tool, tuple[str, QWidget | None]] = {
            Tool.FILL_HOLES: ("", None),
            Tool.REMOVE_ISLANDS: (words.UNDER, self.ml),
            Tool.SMOOTH: (words.BY, self.smooth_mm),
            Tool.INTERPOLATE: (words.BETWEEN, None),
            Tool.GROW: (words.UP_TO, self.grow_mm),
        }
        for row, (tool, (word, box)) in enumerate(beside.items()):
            grid.addWidget(self.buttons[tool], row, 0)
            grid.addWidget(QLabel(word), row, 1, 1, 1 if box else 2)
            if box is not None:
                box.setMinimumWidth(_NUMBER)
                grid.addWidget(box, row, 2)
        top = QGridLayout()
        top.setSpacing(4)
        top.setColumnStretch(1, 1)
        for row, (title, combo) in enumerate(((words.LABEL, self.label), (words.WHERE, self.scope))):
            top.addWidget(QLabel(title), row, 0)
            top.addWidget(combo, row, 1)
        for slider in self.intensity.findChildren(QSlider):
            slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.pieces)
        layout.addLayout(top)
        layout.addLayout(grid)
        layout.addWidget(self._title)
        layout.addWidget(self.intensity)
        layout.addWidget(self.from_label)
        layout.addWidget(self.in_range)
        layout.addStretch(1)


def _combo(title: str) -> QComboBox:
    combo = combo_box(title, width="any")
    # A list that keeps the keyboard would take the letters that are keys of the review.
    combo.activated.connect(combo.clearFocus)
    return combo


def _number(box: Any) -> QDoubleSpinBox:
    box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    box.editingFinished.connect(box.clearFocus)
    made: QDoubleSpinBox = box
    return made
