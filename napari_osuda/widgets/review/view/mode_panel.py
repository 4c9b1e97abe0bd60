"""Buttons for the ways to look, and what each shows."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QButtonGroup, QPushButton, QVBoxLayout, QWidget

from napari_osuda.evaluation import DIFFERENCE
from napari_osuda.session.report.words import MASKS
from napari_osuda.widgets.qt.column import ButtonRows
from napari_osuda.widgets.qt.words import WrappedLabel
from napari_osuda.widgets.review import words
from napari_osuda.widgets.review.keys import titled
from napari_osuda.widgets.review.words import MODES

__all__ = ["ModePanel"]


class ModePanel(QWidget):
    """One button a mode, one of them down, and what its picture means."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._mode, self._names = "", MASKS
        self.buttons: dict[str, QPushButton] = {}
        self._group = QButtonGroup(self)
        for mode, (name, tip) in MODES.items():
            button = QPushButton(titled(name, mode))
            button.setCheckable(True)
            button.setToolTip(tip.format(**self._names))
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _, mode=mode: self.chosen.emit(mode))
            self._group.addButton(button)
            self.buttons[mode] = button
        self.meaning = WrappedLabel()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(ButtonRows(*self.buttons.values()))
        layout.addWidget(self.meaning)

    def set_names(self, names: Mapping[str, str]) -> None:
        """Call the second mask what it is: adapted, or reduced."""
        self._names = names
        for mode, button in self.buttons.items():
            button.setToolTip(MODES[mode][1].format(**names))
        self.set_mode(self._mode)

    def set_mode(self, mode: str) -> None:
        """Show which mode it is; none of these for the error map."""
        self._mode = mode
        self._group.setExclusive(False)
        for name, button in self.buttons.items():
            button.setChecked(name == mode)
        self._group.setExclusive(True)
        chips = (f"<span style='color: {c}'>\N{BLACK SQUARE}</span>&nbsp;{n}" for n, c in DIFFERENCE.values())
        meaning = words.MEANINGS.get(mode)
        self.meaning.setText(" &nbsp;".join(chips) if meaning is None else meaning.format(**self._names))
