"""The crosshair on napari's own picture, and the click that moves it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from weakref import ref

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QWidget

from napari_osuda.widgets.qt.window import real_viewer

__all__ = ["Crosshair"]


# Pixels that a click may move by.
_STILL = 3


class Crosshair(QObject):
    """Two lines over the picture, at the point that all planes share.

    A click on the picture that does not drag it moves the point, while the active layer only pans and zooms.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any) -> None:
        viewer = real_viewer(viewer)
        canvas: QWidget = viewer.window._qt_viewer.canvas.native
        super().__init__(canvas)
        self._known, self._canvas = ref(viewer), canvas
        self.lines = [_line(canvas), _line(canvas)]
        self._shown = True
        canvas.installEventFilter(self)
        dims, camera = viewer.dims.events, viewer.scene.camera.events
        self._events = (
            dims.point, dims.order, dims.ndisplay, camera.center, camera.zoom, camera.orientation,
            viewer.canvas.grid.events, viewer.layers.events.inserted, viewer.layers.events.removed,
        )  # fmt: skip
        for event in self._events:
            event.connect(self._on_change)
        self._click = self._on_drag
        viewer.mouse_drag_callbacks.append(self._click)
        self.refresh()

    def set_shown(self, shown: bool) -> None:
        """Draw it, or not."""
        self._shown = shown
        self.refresh()

    def close(self) -> None:
        """Take it away."""
        viewer = self._known()
        for event in self._events:
            with contextlib.suppress(ValueError, RuntimeError):
                event.disconnect(self._on_change)
        if viewer is not None and self._click in viewer.mouse_drag_callbacks:
            viewer.mouse_drag_callbacks.remove(self._click)
        with contextlib.suppress(RuntimeError):
            self._canvas.removeEventFilter(self)
            for line in self.lines:
                line.deleteLater()

    def refresh(self) -> None:
        """Follow point and camera."""
        viewer = self._known()
        if viewer is None:
            return
        flat = viewer.dims.ndisplay == 2 and viewer.dims.ndim >= 3 and len(viewer.layers) > 0
        seen = self._shown and flat and not viewer.canvas.grid.enabled
        for line in self.lines:
            line.setVisible(seen)
        if not seen:
            return
        down, across = viewer.dims.displayed
        camera, point = viewer.scene.camera, viewer.dims.point
        ways = [str(way) for way in camera.orientation2d]
        y = self._canvas.height() / 2 + (point[down] - camera.center[-2]) * camera.zoom * _sign(ways[0])
        x = self._canvas.width() / 2 + (point[across] - camera.center[-1]) * camera.zoom * _sign(ways[1])
        self.lines[0].setGeometry(0, round(y), self._canvas.width(), 1)
        self.lines[1].setGeometry(round(x), 0, 1, self._canvas.height())

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the size of the picture."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self.refresh()
        return False

    def _on_change(self, event: object = None) -> None:
        self.refresh()

    def _on_drag(self, viewer: Any, event: Any) -> Iterator[None]:
        active = viewer.layers.selection.active
        busy = active is not None and str(getattr(active, "mode", "pan_zoom")) != "pan_zoom"
        if busy or viewer.dims.ndisplay != 2 or event.button != 1:
            return
        start, dragged = event.pos, False
        yield
        while event.type == "mouse_move":
            dragged |= max(abs(event.pos[0] - start[0]), abs(event.pos[1] - start[1])) > _STILL
            yield
        if not dragged:
            displayed = viewer.dims.displayed
            viewer.dims.set_point(displayed, [event.position[axis] for axis in displayed])


def _sign(way: str) -> int:
    return -1 if way in ("up", "left") else 1


def _line(canvas: QWidget) -> QWidget:
    line = QWidget(canvas)
    line.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    line.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    line.setStyleSheet("background: rgba(255, 210, 0, 150);")
    return line
