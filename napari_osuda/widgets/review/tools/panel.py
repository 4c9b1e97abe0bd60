"""The tools and their numbers, as one panel."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_osuda.session.review.tools.use import Scope, Tool, ToolUse
from napari_osuda.widgets.qt.lists import combo_box
from napari_osuda.widgets.review.tools import words

__all__ = ["ToolPanel"]


# Pixels for a number with its unit between the buttons of a box.
_NUMBER = 112


class ToolPanel(QWidget):
    """One button a tool, with its number beside it."""

    #: A `ToolUse` is wanted.
    used = Signal(object)
    #: The range of the label is wanted.
    range_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.label = _combo(words.LABEL)
        self.scope = _combo(words.WHERE)
        for scope, title in words.SCOPES.items():
            self.scope.addItem(title, scope)
        self.buttons = {tool: _button(title, words.TIPS[tool]) for tool, title in words.TITLES.items()}
        self.ml = _number(0.1, 0.0, 99.0, " ml", 2, "Volume below which a part is removed")
        self.smooth_mm = _number(1.0, 0.1, 20.0, " mm", 1, "Length by which outlines are smoothed")
        self.grow_mm = _number(3.0, 0.1, 100.0, " mm", 1, "Distance up to which the label grows")
        self.low = _number(0.0, -1e9, 1e9, "", 1, "Lowest intensity")
        self.high = _number(0.0, -1e9, 1e9, "", 1, "Highest intensity")
        self.from_label = _button(words.FROM_LABEL, words.FROM_LABEL_TIP)
        self.in_range = QCheckBox(words.IN_RANGE)
        self.in_range.setToolTip(words.IN_RANGE_TIP)
        self._arrange()
        for tool, button in self.buttons.items():
            button.clicked.connect(lambda _, tool=tool: self.used.emit(self.use(tool)))
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
            low=self.low.value() if with_range else None,
            high=self.high.value() if with_range else None,
            image=image,
        )

    @property
    def has_range(self) -> bool:
        """Whether a range of intensities was set."""
        return bool(self.high.value() > self.low.value())

    def set_range(self, low: float, high: float) -> None:
        """Set the range of intensities."""
        # As many digits as tell the two ends apart.
        decimals = 0 if high - low >= 100 else 1 if high - low >= 5 else 4
        for box, value in ((self.low, low), (self.high, high)):
            box.setDecimals(decimals)
            box.setValue(value)

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
        span = QHBoxLayout()
        span.setSpacing(4)
        title = QLabel(words.RANGE)
        for widget in (title, self.low, self.high):
            widget.setToolTip(words.RANGE_TIP)
        span.addWidget(title)
        span.addWidget(self.low, 1)
        span.addWidget(QLabel(words.TO))
        span.addWidget(self.high, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addLayout(grid)
        layout.addLayout(span)
        layout.addWidget(self.from_label)
        layout.addWidget(self.in_range)
        layout.addStretch(1)


def _combo(title: str) -> QComboBox:
    combo = combo_box(title, width="any")
    # A list that keeps the keyboard would take the letters that are keys of the review.
    combo.activated.connect(combo.clearFocus)
    return combo


def _number(value: float, low: float, high: float, unit: str, decimals: int, said: str) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setDecimals(decimals)
    box.setRange(low, high)
    box.setSingleStep(10.0**-decimals if decimals else 1.0)
    box.setSuffix(unit)
    box.setValue(value)
    box.setAccessibleName(said)
    box.setToolTip(said)
    box.setMinimumWidth(1)
    box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    box.editingFinished.connect(box.clearFocus)
    return box


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setMinimumWidth(1)
    # A click must not take the keyboard from the viewer.
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
