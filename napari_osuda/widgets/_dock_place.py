"""Where a panel's dock goes: behind a tab of the plugin's other panels, as each needs the window's height."""

from __future__ import annotations

from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

__all__ = ["share_place"]


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
