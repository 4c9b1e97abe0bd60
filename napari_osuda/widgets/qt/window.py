"""Where a panel's dock goes: behind a tab of the plugin's other panels, as each needs the window's height."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

__all__ = ["main_window_of", "real_viewer", "share_place"]


def share_place(widget: QWidget) -> None:
    """Put a docked widget in front of another panel of ours on the same side, if there is one."""
    dock = widget.parent()
    window = dock.parent() if isinstance(dock, QDockWidget) else None
    if not isinstance(window, QMainWindow) or not isinstance(dock, QDockWidget):
        return
    area = window.dockWidgetArea(dock)
    for other in window.findChildren(QDockWidget):
        beside = other is not dock and window.dockWidgetArea(other) == area
        if beside and not other.isFloating() and other.windowTitle().startswith("OSUDA"):
            window.tabifyDockWidget(other, dock)
            dock.raise_()
            return


def real_viewer(viewer: Any) -> Any:
    """The viewer behind the proxy that napari hands to plugins; every widget gets a proxy of its own."""
    return getattr(viewer, "__wrapped__", viewer)


def main_window_of(widget: QObject) -> QMainWindow | None:
    """The window that a widget is docked in, also where its dock floats; None where it is not docked."""
    parent = widget.parent()
    while parent is not None and not isinstance(parent, QMainWindow):
        parent = parent.parent()
    return parent
