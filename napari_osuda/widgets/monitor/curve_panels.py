"""The monitor's curves: losses, schedules, entropy, classes, layers."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import pyqtgraph as pg
from qtpy.QtGui import QPen

from napari_osuda.widgets.cockpit.history import RunHistory
from napari_osuda.widgets.monitor.curves import KINDS, CurveStyle, FloatArray, LinePanel
from napari_osuda.widgets.qt.theme import Palette


class LossPanel(LinePanel):
    """L_HBS, lambda L_SE and their sum."""

    title_text = "Losses"
    meaning = (
        "The loss L = L_HBS + λ L_SE. L_HBS (eq. 4) keeps γ and β near those of the source model. "
        "L_SE (eq. 6) is the mean entropy of the prediction, in nats."
    )

    def series_of(self, history: RunHistory | None) -> Sequence[CurveStyle]:
        """Three curves, whatever the run."""
        return (
            CurveStyle("L_HBS", "blue"),
            CurveStyle("λ L_SE", "orange", kind=1),
            CurveStyle("L", "text", kind=2),
        )

    def values_of(self, history: RunHistory) -> FloatArray:
        """L_HBS, lambda L_SE, L."""
        return np.stack([history["l_hbs"], history["lam"] * history["l_se"], history["loss"]], axis=1)


class SchedulePanel(LinePanel):
    """eta_t and lambda_t."""

    title_text = "Schedules"
    meaning = (
        "η is the weight of the source model's statistics in the normalization (eq. 3). λ is the weight of "
        "the entropy, relative to its first value."
    )
    unit = "relative"

    def series_of(self, history: RunHistory | None) -> Sequence[CurveStyle]:
        """Two curves, whatever the run."""
        return CurveStyle("η", "green"), CurveStyle("λ", "purple", kind=1)

    def values_of(self, history: RunHistory) -> FloatArray:
        """eta_t and lambda_t."""
        return np.stack([history["eta"], history["lam"]], axis=1)

    def redraw(self) -> None:
        """Both on one axis: lambda as a share of where it began."""
        super().redraw()
        self.view.box.setYRange(0.0, 1.0, padding=0.05)
        if self.history is not None and len(self.history):
            lam = self.history["lam"]
            first = max(float(lam.max()), 1e-12)
            self.curves[1].setData(self.history["t"], lam / first)


class EntropyPanel(LinePanel):
    """L_SE, and how much of its maximum."""

    title_text = "Entropy"
    meaning = (
        "How unsure the network is on this iteration's slices (eq. 6), in nats. As a share of its maximum: "
        "0 if it is sure of every pixel, 1 if all labels are equally likely."
    )
    unit = "nats; share"

    def series_of(self, history: RunHistory | None) -> Sequence[CurveStyle]:
        """Two curves, whatever the run."""
        return CurveStyle("nats", "orange"), CurveStyle("share of the maximum", "purple", kind=1)

    def values_of(self, history: RunHistory) -> FloatArray:
        """L_SE, and L_SE / log K."""
        maximum = np.log(max(len(history.classes), 2))
        return np.stack([history["l_se"], history["l_se"] / maximum], axis=1)


class ClassPanel(LinePanel):
    """Share of the batch's pixels that each label has."""

    title_text = "Share of each label"
    meaning = (
        "The share of the pixels that each label has on this iteration's slices. A label that takes all "
        "pixels, or vanishes, while the loss falls is a sign of collapse."
    )
    unit = "% of pixels"

    def series_of(self, history: RunHistory | None) -> Sequence[CurveStyle]:
        """One curve for each label but the background, in the card's colors."""
        shown = [] if history is None else [c for c in history.classes if c[0] != 0]
        return [
            CurveStyle(name, color, "{:.2f} %", kind=i % len(KINDS))
            for i, (_, name, color) in enumerate(shown)
        ]

    def values_of(self, history: RunHistory) -> FloatArray:
        """Per cent of the pixels."""
        shown = [k for k, (value, _, _) in enumerate(history.classes) if value != 0]
        fractions: FloatArray = history["class_fractions"][:, shown]
        return fractions * np.float32(100.0)

    def recolor(self) -> None:
        """The card's colors were chosen for masks: a rim of the text's color keeps each visible here."""
        super().recolor()
        for curve in self.curves:
            curve.setShadowPen(pg.mkPen(self.colors.text, width=3))


class LayerPanel(LinePanel):
    """Mean distance of each layer over the iterations."""

    title_text = "Mean distance of each layer"
    meaning = (
        "The mean of the distance d (eq. 5) over a layer's channels: how far its statistics on this scan are "
        "from those of the source model. Dark curves are early layers, bright curves late ones."
    )
    unit = "mean d"

    def __init__(self, colors: Palette) -> None:
        self._pointed: int | None = None
        super().__init__(colors)

    def series_of(self, history: RunHistory | None) -> Sequence[CurveStyle]:
        """One curve for each layer, colored by its place in the network."""
        layers = [] if history is None else history.layers
        # The ends of the map would vanish on a dark or on a light background.
        shares = (
            np.linspace(0.25, 0.95, len(layers)) if self.colors.dark else np.linspace(0.0, 0.8, len(layers))
        )
        shades = pg.colormap.get("viridis").map(shares, mode="qcolor") if layers else []
        return [CurveStyle(layer.name, shade.name()) for layer, shade in zip(layers, shades, strict=True)]

    def values_of(self, history: RunHistory) -> FloatArray:
        """Mean d, [n, L]."""
        return history["layer_distance"]

    def recolor(self) -> None:
        """The scale of colors depends on the theme."""
        self.series = tuple(self.series_of(self.history))
        super().recolor()

    def point_at(self, x: float, y: float) -> None:
        """Name the layer whose curve is nearest to the mouse."""
        if self.history is not None and len(self.history):
            row = int(np.abs(self.history["t"] - x).argmin())
            self._pointed = int(np.abs(self.history["layer_distance"][row] - y).argmin())
        super().point_at(x, y)

    def _pen(self, series: CurveStyle) -> QPen:
        # Anything wider takes Qt three times as long, and a network has dozens of layers.
        return pg.mkPen(self.color_of(series), width=1)

    def _write_legend(self, row: int | None = None) -> None:
        if self.history is None or not len(self.history) or not self.series:
            self.legend.setText("")
            return
        if row is not None and self._pointed is not None:
            shown = [self._pointed]
        else:
            self._pointed = None
            newest = self.history["layer_distance"][-1]
            shown = sorted({0, len(self.series) - 1, int(newest.argmax())})
        values = self.history["layer_distance"][-1 if row is None else row]
        parts = [] if row is None else [f"t = {int(self.history['t'][row])}"]
        for index in shown:
            mark = f"<span style='color: {self.series[index].color}'>━━</span>"
            parts.append(
                f"{mark}&nbsp;{index + 1}.&nbsp;{escape(self.series[index].name)} {values[index]:.3g}"
            )
        self.legend.setText("&ensp; ".join(parts))
