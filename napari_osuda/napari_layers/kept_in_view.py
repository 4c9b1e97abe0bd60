"""What is looked at stays in view: the picture when its place gets another size, a slice when images go."""

from __future__ import annotations

import contextlib
from typing import Any
from weakref import ref

import numpy as np
from qtpy.QtCore import QEvent, QObject, QSize, QTimer
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QWidget

__all__ = ["KeptInView"]

# napari fits a picture to 95 % of its place; where it fills less, a person has made it small.
_FITTED = 0.93


class KeptInView(QObject):
    """Follows the size of a viewer's picture and the images that are closed.

    napari does neither: a panel that opens cuts a picture off that was seen whole, and after a longer scan
    was closed the last slice of the others is shown, which is often black.

    Parameters
    ----------
    viewer : napari.Viewer
    canvas : QWidget
        Its picture.
    """

    def __init__(self, viewer: Any, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._known, self._canvas = ref(viewer), canvas
        self._size: QSize | None = None
        self._point: tuple[float, ...] | None = None
        # Once the window has its new layout, and all images of a patient are gone.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._follow)
        layers = viewer.layers.events
        self._events = ((layers.removing, self._on_removing), (layers.removed, self._on_removed))
        for event, answer in self._events:
            event.connect(answer)
        canvas.installEventFilter(self)

    def close(self) -> None:
        """Follow the viewer no more."""
        for event, answer in self._events:
            with contextlib.suppress(ValueError, RuntimeError):
                event.disconnect(answer)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Keep the size of before."""
        if isinstance(event, QResizeEvent) and not event.oldSize().isEmpty():
            self._size = self._size or event.oldSize()
            self._soon.start(0)
        return False

    def _on_removing(self, event: object = None) -> None:
        if self._point is None and (viewer := self._known()) is not None:
            self._point = tuple(viewer.dims.point)

    def _on_removed(self, event: object = None) -> None:
        self._soon.start(0)

    def _follow(self) -> None:
        before, self._size = self._size, None
        point, self._point = self._point, None
        viewer = self._known()
        if viewer is None or not viewer.layers:
            return
        if point is not None and len(point) == viewer.dims.ndim:
            _go_inside(viewer.dims, point)
        if before is not None and viewer.dims.ndisplay == 2 and not viewer.canvas.grid.enabled:
            filled = _filled(viewer, before)
            # Seen whole before: fitted, or now cut.
            if filled <= 1 and (filled >= _FITTED or _filled(viewer, self._canvas.size()) > 1):
                viewer.fit_to_view()


def _go_inside(dims: Any, point: tuple[float, ...]) -> None:
    """Go to the middle slice of each axis whose slice of before is no more, unless a person chose one."""
    for axis in dims.not_displayed:
        low, high, step = dims.range[axis]
        now, before = dims.point[axis], point[axis]
        beyond = before > high + step / 2 and now >= high, before < low - step / 2 and now <= low
        if any(beyond):
            dims.set_current_step(axis, dims.nsteps[axis] // 2)


def _filled(viewer: Any, size: QSize) -> float:
    """The share of half the picture's height or width that the layers reach from its middle; cut above 1."""
    camera, shown = viewer.scene.camera, list(viewer.dims.displayed)
    extent, middle = viewer.layers.extent, np.asarray(camera.center)[-2:]
    low, high = np.asarray(extent.world)[:, shown]
    # From the voxels' middles to their edges.
    edge = np.asarray(extent.step)[shown] / 2
    reach = (np.maximum(high - middle, middle - low) + edge) * camera.zoom
    return float(np.max(reach / (np.array([size.height(), size.width()]) / 2)))
