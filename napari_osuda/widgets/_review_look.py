"""How the masks are compared: the mode, each label's opacity, a reference, and the keys in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from napari.layers import Labels
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor, QPixmap
from qtpy.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_osuda.evaluation import DIFFERENCE, RegionScore
from napari_osuda.session.review_run import RESULT_KEY
from napari_osuda.widgets._review_compare import MODES
from napari_osuda.widgets._review_keys import Key
from napari_osuda.widgets._review_layers import ERRORS
from napari_osuda.widgets._words import WrappedLabel

__all__ = ["KeyLegend", "LabelOpacity", "ModePanel", "ReferencePanel"]

# In the list of references: the one that is no layer.
_FILE = "file"

# Steps of opacity, in percent.
_STRENGTHS = (100, 50, 20)

MODE_KEYS = {"overlay": "W", "side": "S", "difference": "D", "final": "R"}


class ModePanel(QWidget):
    """One button a mode, one of them down, and what its picture means."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        self.buttons: dict[str, QPushButton] = {}
        self._group = QButtonGroup(self)
        for place, (mode, (name, tip)) in enumerate(MODES.items()):
            button = QPushButton(f"{name} ({MODE_KEYS[mode]})")
            button.setCheckable(True)
            button.setToolTip(tip)
            button.setMinimumWidth(1)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _, mode=mode: self.chosen.emit(mode))
            self._group.addButton(button)
            self.buttons[mode] = button
            layout.addWidget(button, place // 2, place % 2)
        self.meaning = WrappedLabel()
        layout.addWidget(self.meaning, layout.rowCount(), 0, 1, 2)

    def set_mode(self, mode: str) -> None:
        """Show which mode it is; none of these for the error map."""
        self._group.setExclusive(False)
        for name, button in self.buttons.items():
            button.setChecked(name == mode)
        self._group.setExclusive(True)
        chips = (f"<span style='color: {c}'>\N{BLACK SQUARE}</span>&nbsp;{n}" for n, c in DIFFERENCE.values())
        said = {
            "overlay": "Filled: after. Contour: before.",
            "side": "Left: before. Right: after.",
            "difference": " &nbsp;".join(chips),
            "final": "What the decisions make.",
            "error": "The error map alone; any of these brings the masks back.",
        }
        self.meaning.setText(said[mode])


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

    def set_labels(self, labels: Mapping[int, str], colours: Mapping[int, str]) -> None:
        """Make a slider for each label but the background, all the way up."""
        while (item := self._layout.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        self.sliders.clear()
        for row, (value, name) in enumerate((v, n) for v, n in labels.items() if v != 0):
            chip = QPixmap(12, 12)
            chip.fill(QColor(colours.get(value, "#ffffff")))
            title = QLabel()
            title.setPixmap(chip)
            named = QLabel(name)
            named.setToolTip(name)
            named.setMinimumWidth(1)
            named.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
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


class ReferencePanel(QWidget):
    """A reference, where there is one: scores of the three masks, and error maps. It decides nothing."""

    #: A Labels layer, or None.
    layer_chosen = Signal(object)
    file_wanted = Signal()
    #: "before", "after", "final", or "" for none.
    map_chosen = Signal(str)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._layers = viewer.layers
        self.combo = QComboBox()
        self.file = QPushButton("File\N{HORIZONTAL ELLIPSIS}")
        self.map = QComboBox()
        self.scores = WrappedLabel()
        self.meaning = WrappedLabel(
            " &nbsp;".join(
                f"<span style='color: {DIFFERENCE[value][1]}'>\N{BLACK SQUARE}</span>&nbsp;{word}"
                for value, word in ERRORS.items()
            )
        )
        self._file = ""
        self.map.addItem("No error map", "")
        for which in ("before", "after", "final"):
            self.map.addItem(f"Error map of {which}", which)
        for combo, name in ((self.combo, "Reference labels"), (self.map, "Error map")):
            combo.setAccessibleName(name)
            combo.setMinimumWidth(1)
            combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.combo.setToolTip("Labels drawn by a person: for scores and error maps, never for a decision")
        row = QHBoxLayout()
        row.addWidget(self.combo, 1)
        row.addWidget(self.file)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.scores)
        layout.addWidget(self.map)
        layout.addWidget(self.meaning)
        self.map.currentIndexChanged.connect(lambda at: self.meaning.setVisible(at > 0))
        self.meaning.hide()
        self.combo.activated.connect(self._on_chosen)
        self.file.clicked.connect(self.file_wanted)
        self.map.activated.connect(lambda: self.map_chosen.emit(self.map.currentData()))
        self.refresh()
        self.set_scores({})

    def _on_chosen(self) -> None:
        if self.combo.currentData() != _FILE:
            self.layer_chosen.emit(self.combo.currentData())

    def refresh(self, event: object = None) -> None:
        """List the Labels layers that are no mask of ours."""
        chosen = self.combo.currentData()
        self.combo.clear()
        self.combo.addItem("No reference", None)
        if self._file:
            self.combo.addItem(self._file, _FILE)
        for layer in self._layers:
            if isinstance(layer, Labels) and RESULT_KEY not in layer.metadata:
                self.combo.addItem(layer.name, layer)
        self.combo.setCurrentIndex(max(self.combo.findData(chosen), 0) if chosen is not None else 0)

    def set_file(self, name: str) -> None:
        """Show that the reference is no layer of the viewer: what it is called, or "" for that it is one."""
        if name != self._file:
            self._file = name
            self.refresh()
        if name:
            self.combo.setCurrentIndex(self.combo.findData(_FILE))

    def set_scores(self, scores: Mapping[str, Sequence[RegionScore] | None]) -> None:
        """Show Dice and HD95 of each region and mask, marked as what they are; None is still to come."""
        self.map.setVisible(bool(scores))
        self.scores.setVisible(bool(scores))
        if not scores:
            self.map.setCurrentIndex(0)
            return
        first = next((found for found in scores.values() if found is not None), None)
        if first is None:
            self.scores.setText("Measuring against the reference\N{HORIZONTAL ELLIPSIS}")
            return
        head = "".join(f"<th align='right'>&nbsp;{which}</th>" for which in scores)
        rows = [f"<tr><th align='left'>Against the reference</th>{head}</tr>"]
        for place, region in enumerate(first):
            dice, far = (
                "".join(
                    f"<td align='right'>&nbsp;{_figure(found, place, which)}</td>"
                    for found in scores.values()
                )
                for which in ("dice", "hd95")
            )
            name = escape(region.region)
            rows += [f"<tr><td>{name}, Dice</td>{dice}</tr>", f"<tr><td>{name}, HD95 mm</td>{far}</tr>"]
        self.scores.setText(f"<table>{''.join(rows)}</table>")


def _figure(found: Sequence[RegionScore] | None, place: int, which: str) -> str:
    if found is None:
        return "\N{HORIZONTAL ELLIPSIS}"
    score = found[place]
    if which == "dice":
        return f"{score.dice:.3f}"
    return "none" if score.failure else f"{score.hd95:.1f}"


class KeyLegend(WrappedLabel):
    """The keys, in words."""

    def set_keys(self, keys: Sequence[Key]) -> None:
        """List them."""
        rows = "".join(
            f"<tr><td><b>{escape(key.key.replace('Control', 'Ctrl').replace('-', '+'))}</b>&nbsp;&nbsp;</td>"
            f"<td>{escape(key.what)}</td></tr>"
            for key in keys
        )
        self.setText(f"<table>{rows}</table>")
