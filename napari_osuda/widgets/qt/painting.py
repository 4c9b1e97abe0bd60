"""Painting in a turn of its own, so that the window answers between a change and its painting."""

from __future__ import annotations

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QDockWidget, QWidget

from napari_osuda.widgets.qt.window import main_window_of

__all__ = ["PAINTED_MS", "paint_apart"]

# What napari calls its docks that a new layer changes.
_OF_LAYERS = ("layer list", "layer controls")
_APART_MS = 10
PAINTED_MS = 2 * _APART_MS
"""Milliseconds after which what was put off by `paint_apart` is on the window's list."""


def paint_apart(widget: QWidget) -> None:
    """Put off, for an instant, the painting of what a new layer changes in the window of a docked widget.

    To be called before a layer is added: napari takes a tenth of a second or two for that, and nearly as long
    to paint the picture, the list of layers and their controls, and Qt does it all in one go, in which the
    window does not answer.
    """
    window = main_window_of(widget)
    if window is None:
        return
    docks = (window.findChild(QDockWidget, name) for name in _OF_LAYERS)
    held = [part for part in (window.centralWidget(), *docks) if part is not None]
    for part in held:
        part.setUpdatesEnabled(False)
    # It goes with the window, where that is closed in this instant.
    timer = QTimer(window)
    timer.setSingleShot(True)
    timer.timeout.connect(lambda: [part.setUpdatesEnabled(True) for part in held])
    timer.timeout.connect(timer.deleteLater)
    timer.start(_APART_MS)
