"""A widget that notices when its dock or its viewer is closed, which napari does not tell it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QSize
from qtpy.QtWidgets import QDockWidget, QWidget

from napari_osuda.widgets.cockpit.cockpit import Cockpit, cockpit_of
from napari_osuda.widgets.qt.garbage import window_closed
from napari_osuda.widgets.qt.theme import Palette, palette
from napari_osuda.widgets.qt.wheel import WheelScrolls
from napari_osuda.widgets.qt.window import size_of

__all__ = ["DockedWidget"]


class DockedWidget(QWidget):
    """Base of the plugin's widgets: the viewer, its cockpit, its theme, and a clean end.

    Parameters
    ----------
    viewer : napari.Viewer
        Or napari's proxy of it.

    Notes
    -----
    Closing a dock takes the widget out of it and forgets it, without a close event; closing the viewer
    destroys it. Either way `end` is called once, before anything of it is gone or right after.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.viewer = viewer
        #: The window's size before this panel came into it; None where there is no window.
        self.window_size: QSize | None = size_of(viewer)
        self.cockpit: Cockpit = cockpit_of(viewer)
        # Not its id, which another object may get while Qt still takes this one apart.
        self._user = object()
        self.cockpit.attach(self._user)
        self._ended = False
        self._was_docked = False
        self._wheel: WheelScrolls | None = None
        viewer.events.theme.connect(self._on_theme)
        # By then this object is half gone: only what it leaves behind may be touched.
        self.destroyed.connect(_detacher(self.cockpit, self._user))

    def colors(self) -> Palette:
        """Colors of the viewer's present theme."""
        return palette(self.viewer.theme)

    def set_colors(self, colors: Palette) -> None:
        """Follow the theme; a subclass colors what it has."""

    def tear_down(self) -> None:
        """Give back what the subclass holds: timers, connections, threads."""

    def end(self) -> None:
        """Tear down, once."""
        if self._ended:
            return
        self._ended = True
        self.viewer.events.theme.disconnect(self._on_theme)
        self.tear_down()
        self.cockpit.detach(self._user)

    def _on_theme(self, event: object = None) -> None:
        self.set_colors(self.colors())

    def event(self, event: QEvent) -> bool:
        """Notice being taken out of the dock."""
        if event.type() == QEvent.Type.ParentChange:
            dock = self.parent()
            if dock is not None:
                self._was_docked = True
                if isinstance(dock, QDockWidget):
                    # Docks that share a place have tabs, on which a longer name is cut.
                    dock.setWindowTitle(self.windowTitle().removeprefix("OSUDA: "))
                # By now it is no window of its own.
                self._wheel = self._wheel or WheelScrolls(self)
            elif self._was_docked:
                self.end()
                self.deleteLater()
        elif event.type() == QEvent.Type.Close:
            self.end()
        return bool(super().event(event))


def _detacher(cockpit: Cockpit, user: object) -> Callable[[], None]:
    def detach() -> None:
        cockpit.detach(user)
        window_closed()

    return detach
