"""OSUDA: Planes, the two planes that napari's picture does not show, linked to it by a crosshair."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QBoxLayout,
    QCheckBox,
    QLayout,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import QSignalDebouncer

from napari_osuda.imaging.planes import PLANE_OF_CODE
from napari_osuda.imaging.world import SHOWN_AXES
from napari_osuda.napari_layers.orientation import letters, show_letters
from napari_osuda.napari_layers.soon import soon
from napari_osuda.widgets.cockpit.docked import DockedWidget
from napari_osuda.widgets.planes.brightness import BrightnessBar
from napari_osuda.widgets.planes.crosshair import Crosshair
from napari_osuda.widgets.planes.cutting import base_of, cut, steps_at
from napari_osuda.widgets.planes.view import PlaneView
from napari_osuda.widgets.planes.words import EMPTY
from napari_osuda.widgets.qt.window import below
from napari_osuda.widgets.qt.words import WrappedLabel

__all__ = ["PlanesWidget"]

# Of a layer's events, those after which it looks different.
_SEEN = {
    "visible", "opacity", "blending", "contrast_limits", "gamma", "colormap", "contour", "set_data", "data",
    "refresh", "paint", "labels_update", "scale", "translate", "affine", "reload",
}  # fmt: skip
_SOON_MS = 20
_LEAST_HEIGHT = 130


class PlanesWidget(DockedWidget):
    """Two planes beside the picture; clicks in any of the three move the crosshair of all.

    They are drawn from the layers' own arrays, so nothing is held or sent to the graphics card twice. One
    paints in napari's own picture; the planes follow.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.setWindowTitle("OSUDA: Planes")
        self.views = (PlaneView(), PlaneView())
        self.cross = QCheckBox("Crosshair")
        self.cross.setChecked(True)
        self.cross.setToolTip("Draws the crosshair on the large picture too. A click there moves it.")
        self.brightness = BrightnessBar(self.cross)
        self.empty = WrappedLabel(EMPTY)
        # A widget that grows: else napari would put a stretch below, which takes half of the height.
        pictures = QWidget()
        pictures.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._pair = QBoxLayout(QBoxLayout.Direction.LeftToRight, pictures)
        self._pair.setContentsMargins(0, 0, 0, 0)
        self._pair.setSpacing(2)
        for view in self.views:
            self._pair.addWidget(view, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.setSpacing(2)
        # Until it is below the picture: napari first puts it beside a panel that may need all height.
        layout.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        layout.addWidget(self.brightness)
        layout.addWidget(self.empty)
        layout.addWidget(pictures, 1)
        show_letters(napari_viewer)
        self.crosshair = Crosshair(napari_viewer)
        self._axes = (1, 2)
        self._soon = QSignalDebouncer(parent=self)
        self._soon.setTimeout(_SOON_MS)
        self._soon.triggered.connect(self.refresh)
        self._placed = False
        self._watched: list[Any] = []
        viewer = self.viewer
        dims, layers = viewer.dims.events, viewer.layers.events
        self._events = (
            dims.point, dims.order, dims.ndisplay, viewer.scene.camera.events.orientation,
            layers.inserted, layers.removed, layers.reordered,
        )  # fmt: skip
        for event in self._events:
            event.connect(self._on_change)
        for view, which in zip(self.views, (0, 1), strict=True):
            view.picked.connect(lambda row, column, which=which: self._pick(which, row, column))
            view.stepped.connect(lambda steps, which=which: self._step(which, steps))
        self.cross.toggled.connect(self.crosshair.set_shown)
        self.refresh()

    def refresh(self) -> None:
        """Draw both planes as the layers are now."""
        if self._ended:
            return
        viewer = self.viewer
        self._watch()
        base = base_of(viewer.layers)
        if viewer.dims.ndim < 3:
            base = None
        self.empty.setVisible(base is None)
        self.brightness.follow(base)
        if base is None:
            for view in self.views:
                view.show_cut(None)
            return
        hidden = self._hidden()
        self._axes = tuple(axis for axis in range(3) if axis != hidden)  # type: ignore[assignment]
        steps = steps_at(base, np.asarray(viewer.dims.point))
        ways = tuple(str(way) for way in viewer.scene.camera.orientation2d)
        # A volume that somebody's own code opened may lie in any way: then there are no letters.
        known = tuple(base.axis_labels[-3:]) == tuple(SHOWN_AXES)
        for view, axis in zip(self.views, self._axes, strict=True):
            rest = [other for other in range(3) if other != axis]
            title = f"{PLANE_OF_CODE[SHOWN_AXES[axis]]} {steps[axis]}" if known else f"slice {steps[axis]}"
            view.show_cut(
                cut(viewer.layers, base, axis, steps[axis]),
                (steps[rest[0]], steps[rest[1]]),
                (ways[0], ways[1]),
                letters(SHOWN_AXES, rest, ways) if known else None,
                title.capitalize(),
            )

    def tear_down(self) -> None:
        """Give back events and the crosshair."""
        self._soon.cancel()
        for event in self._events:
            event.disconnect(self._on_change)
        for layer in self._watched:
            layer.events.disconnect(self._on_layer)
        self._watched.clear()
        self.crosshair.close()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Beside each other in a wide place, one below the other in a high one."""
        super().resizeEvent(event)
        wide = self.width() >= self.height()
        directions = QBoxLayout.Direction
        self._pair.setDirection(directions.LeftToRight if wide else directions.TopToBottom)

    def showEvent(self, event: Any) -> None:
        """Go below the picture."""
        super().showEvent(event)
        if not self._placed:
            self._placed = True
            soon(self, self._go_below)

    def _go_below(self) -> None:
        if not self._ended:
            below(self)
            self.setMinimumHeight(_LEAST_HEIGHT)

    def _hidden(self) -> int:
        """The axis whose slices the large picture shows; in 3-D the one that it showed last."""
        dims = self.viewer.dims
        shown = [axis - (dims.ndim - 3) for axis in dims.displayed]
        rest = [axis for axis in range(3) if axis not in shown]
        if dims.ndisplay == 2 and rest:
            return rest[-1]
        return next(axis for axis in range(3) if axis not in self._axes)

    def _pick(self, which: int, row: float, column: float) -> None:
        axis = self._axes[which]
        rest = [other for other in range(3) if other != axis]
        self._go({rest[0]: row, rest[1]: column})

    def _step(self, which: int, steps: int) -> None:
        base = base_of(self.viewer.layers)
        if base is not None:
            axis = self._axes[which]
            now = steps_at(base, np.asarray(self.viewer.dims.point))[axis]
            self._go({axis: min(max(now + steps, 0), base.data.shape[axis] - 1)})

    def _go(self, wanted: dict[int, float]) -> None:
        """Move the crosshair, by voxels of the layer that is shown."""
        base = base_of(self.viewer.layers)
        if base is None:
            return
        dims = self.viewer.dims
        before = dims.ndim - 3
        at = np.asarray(base.world_to_data(np.asarray(dims.point)[-3:]), float)
        for axis, value in wanted.items():
            at[axis] = round(value)
        world = base.data_to_world(at)
        dims.set_point([axis + before for axis in wanted], [float(world[axis]) for axis in wanted])

    def _watch(self) -> None:
        """Follow the layers that there are now."""
        now = list(self.viewer.layers)
        for layer in self._watched:
            if layer not in now:
                layer.events.disconnect(self._on_layer)
        for layer in now:
            if layer not in self._watched:
                layer.events.connect(self._on_layer)
        self._watched = now

    def _on_layer(self, event: Any) -> None:
        if event.type in _SEEN:
            self._soon.throttle()

    def _on_change(self, event: object = None) -> None:
        self._soon.throttle()
