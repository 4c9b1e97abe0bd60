"""The histories of channels that were picked from a map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_osuda.widgets.cockpit.history import RunHistory
from napari_osuda.widgets.monitor.curves import CurveStyle, FloatArray, LinePanel
from napari_osuda.widgets.qt.lists import combo_box
from napari_osuda.widgets.qt.theme import Palette

__all__ = ["PinnedPanel"]

_HUES = ("blue", "orange", "green", "purple")
_QUANTITIES = {"d": "distance", "α": "alpha", "Δγ": "gamma_shift", "Δβ": "beta_shift"}


class PinnedPanel(LinePanel):
    """One curve for each pinned channel, at most four; picking one again takes it away."""

    title_text = "Pinned channels"
    meaning = (
        "The pinned channels over the iterations: their distance d (eq. 5), transferability α, or how far "
        "γ and β have moved from those of the source model (eq. 4)."
    )

    def __init__(self, colors: Palette) -> None:
        self.pinned: list[int] = []
        self.quantity = combo_box("Quantity of the pinned channels", _QUANTITIES)
        super().__init__(colors)
        self.figure.layout().addWidget(self.quantity)
        self.quantity.currentIndexChanged.connect(lambda _: self._renew())
        self.setVisible(False)

    def prepare(self) -> None:
        """Another run has other channels."""
        super().prepare()
        self.view.set_label("left", self.quantity.currentText())

    def show_history(self, history: RunHistory | None) -> None:
        """Begin anew, with nothing pinned."""
        self.pinned.clear()
        self.setVisible(False)
        super().show_history(history)

    def toggle(self, n: int) -> bool:
        """Pin a channel of all N, or take it away; whether it is pinned now."""
        if n in self.pinned:
            self.pinned.remove(n)
        else:
            del self.pinned[: max(len(self.pinned) - len(_HUES) + 1, 0)]
            self.pinned.append(n)
        self.setVisible(bool(self.pinned))
        self._renew()
        return n in self.pinned

    def series_of(self, history: RunHistory | None) -> Sequence[CurveStyle]:
        """Called by layer and channel."""
        if history is None:
            return []
        found = []
        for k, n in enumerate(self.pinned):
            layer = next(la for la in reversed(history.layers) if la.offset <= n)
            found.append(CurveStyle(f"{layer.name} [{n - layer.offset}]", _HUES[k], kind=k))
        return found

    def values_of(self, history: RunHistory) -> FloatArray:
        """The chosen quantity, [n, pinned]."""
        values: FloatArray = history[_QUANTITIES[self.quantity.currentText()]][:, self.pinned]
        return np.asarray(values)

    def _renew(self) -> None:
        self.prepare()
        self.recolor()
        self.refresh()
