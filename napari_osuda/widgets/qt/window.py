"""Where a panel's dock goes: behind a tab of the plugin's other panels, as each needs the window's height."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, QSize, Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from napari_osuda.napari_layers.soon import soon

__all__ = [
    "below",
    "below_or_shared",
    "come_to_front",
    "main_window_of",
    "real_viewer",
    "share_place",
    "size_of",
]

# From this height of the window on there is room for a panel below the picture, and how high that is.
_TALL, _BELOW = 950, 330
# The most of the window's height that goes to a panel below the picture.
_SHARE = 0.36


def share_place(widget: QWidget) -> None:
    """Put a docked widget in front of another panel of ours on the same side, if there is one."""
    dock = widget.parent()
    window = dock.parent() if isinstance(dock, QDockWidget) else None
    if not isinstance(window, QMainWindow) or not isinstance(dock, QDockWidget):
        return
    area = window.dockWidgetArea(dock)
    for other in window.findChildren(QDockWidget):
        beside = other is not dock and window.dockWidgetArea(other) == area
        # A docked panel's window title is short, for its tab; its name says whose it is.
        name = str(getattr(other, "name", other.windowTitle()))
        if beside and not other.isFloating() and name.startswith("OSUDA"):
            window.tabifyDockWidget(other, dock)
            dock.raise_()
            _as_it_was(window, widget)
            return


def come_to_front(widget: QWidget) -> None:
    """Show a docked widget that is hidden, or behind the tab of another."""
    dock = widget.parent()
    if isinstance(dock, QDockWidget) and not widget.isVisible():
        dock.show()
        dock.raise_()


def below_or_shared(widget: QWidget) -> None:
    """Put a docked widget below the picture; where the window is too low for that, share a place.

    The docks on either side keep their whole height.
    """
    dock = widget.parent()
    window = main_window_of(widget)
    if window is None or not isinstance(dock, QDockWidget) or dock.isFloating():
        return
    if window.height() < _TALL:
        share_place(widget)
        return
    below(widget)


def below(widget: QWidget) -> None:
    """Put a docked widget below the picture, which keeps the larger part of the height."""
    dock = widget.parent()
    window = main_window_of(widget)
    if window is None or not isinstance(dock, QDockWidget) or dock.isFloating():
        return
    areas, corners = Qt.DockWidgetArea, Qt.Corner
    window.setCorner(corners.BottomLeftCorner, areas.LeftDockWidgetArea)
    window.setCorner(corners.BottomRightCorner, areas.RightDockWidgetArea)
    window.addDockWidget(areas.BottomDockWidgetArea, dock)
    height = min(_BELOW, round(_SHARE * window.height()))
    window.resizeDocks([dock], [height], Qt.Orientation.Vertical)
    _as_it_was(window, widget)


def _as_it_was(window: QMainWindow, widget: QWidget) -> None:
    """Give a window back its size of before a panel came.

    napari first puts a new panel above or below those that are there, which can make the window higher than
    the screen; once the panel has its own place that room is not needed.
    """
    size = getattr(widget, "window_size", None)
    if size is None or window.isMaximized() or window.isFullScreen():
        return

    def resize() -> None:
        if window.height() > size.height() or window.width() > size.width():
            window.resize(size)

    soon(window, resize)


def real_viewer(viewer: Any) -> Any:
    """The viewer behind the proxy that napari hands to plugins; every widget gets a proxy of its own."""
    return getattr(viewer, "__wrapped__", viewer)


def main_window_of(widget: QObject) -> QMainWindow | None:
    """The window that a widget is docked in, also where its dock floats; None where it is not docked."""
    parent = widget.parent()
    while parent is not None and not isinstance(parent, QMainWindow):
        parent = parent.parent()
    return parent


def size_of(viewer: Any) -> QSize | None:
    """The size of a viewer's window; None for a viewer's model alone, which has no window."""
    window = getattr(getattr(real_viewer(viewer), "window", None), "_qt_window", None)
    return None if window is None else window.size()
