"""The panel of a reference: scores and error maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from napari.layers import Labels
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_osuda.evaluation import DIFFERENCE, RegionScore
from napari_osuda.napari_layers.masks import RESULT_KEY
from napari_osuda.session.report.words import MASKS
from napari_osuda.widgets.qt.lists import combo_box
from napari_osuda.widgets.qt.words import WrappedLabel
from napari_osuda.widgets.review import words
from napari_osuda.widgets.review.words import ERRORS

# In the list of references: the one that is no layer.
_FILE = "file"


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
        self._names = MASKS
        self.combo = combo_box("Reference labels", tip=words.REFERENCE_TIP, width="any")
        self.file = QPushButton(words.FILE)
        self.map = combo_box("Error map", width="any")
        self.scores = WrappedLabel()
        self.meaning = WrappedLabel(
            " &nbsp;".join(
                f"<span style='color: {DIFFERENCE[value][1]}'>\N{BLACK SQUARE}</span>&nbsp;{word}"
                for value, word in ERRORS.items()
            )
        )
        self._file = ""
        self.map.addItem(words.NO_ERROR_MAP, "")
        for which in ("before", "after", "final"):
            self.map.addItem(words.error_map(which), which)
        row = QHBoxLayout()
        row.addWidget(self.combo, 1)
        row.addWidget(self.file)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(WrappedLabel(words.SCORES))
        layout.addLayout(row)
        layout.addWidget(self.scores)
        layout.addWidget(self.map)
        layout.addWidget(self.meaning)
        layout.addStretch(1)
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
        self.combo.addItem(words.NO_REFERENCE, None)
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

    def set_names(self, names: Mapping[str, str]) -> None:
        """Call the second mask what it is: adapted, or reduced."""
        self._names = names
        self.map.setItemText(self.map.findData("after"), words.error_map("after", names))

    def set_scores(self, scores: Mapping[str, Sequence[RegionScore] | None]) -> None:
        """Show Dice and HD95 of each region and mask, marked as what they are; None is still to come."""
        self.map.setVisible(bool(scores))
        self.scores.setVisible(bool(scores))
        if not scores:
            self.map.setCurrentIndex(0)
            return
        first = next((found for found in scores.values() if found is not None), None)
        if first is None:
            self.scores.setText(words.MEASURING)
            return
        head = "".join(f"<th align='right'>&nbsp;{self._names[which]}</th>" for which in scores)
        rows = [f"<tr><th align='left'>Against the reference</th>{head}</tr>"]
        for index, region in enumerate(first):
            dice, far = (
                "".join(
                    f"<td align='right'>&nbsp;{_figure(found, index, which)}</td>"
                    for found in scores.values()
                )
                for which in ("dice", "hd95")
            )
            name = escape(region.region)
            rows += [f"<tr><td>{name}, Dice</td>{dice}</tr>", f"<tr><td>{name}, HD95 mm</td>{far}</tr>"]
        self.scores.setText(f"<table>{''.join(rows)}</table>")


def _figure(found: Sequence[RegionScore] | None, index: int, which: str) -> str:
    if found is None:
        return "\N{HORIZONTAL ELLIPSIS}"
    score = found[index]
    if which == "dice":
        return f"{score.dice:.3f}"
    return "none" if score.failure else f"{score.hd95:.1f}"
