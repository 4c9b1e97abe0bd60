"""A question before a dock or a window is closed on a run that is under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QMessageBox, QPushButton, QWidget

from napari_osuda.napari_layers.soon import soon
from napari_osuda.widgets.qt.window import main_window_of

__all__ = ["ClosingGuard"]


class ClosingGuard(QObject):
    """Asks before the user closes the dock of a widget, or its window; programs are not asked.

    napari's dock goes by its close button alone, without an event that could be refused, so the button is
    watched. The window's own close event can be refused. Neither matters where nothing is under way.

    Parameters
    ----------
    widget : QWidget
        In a dock.
    busy : callable
        Whether there is something to lose.
    question : callable
        What would be lost, in words.

    Attributes
    ----------
    ask : callable
        From the question to whether to close all the same.
    """

    def __init__(self, widget: QWidget, busy: Callable[[], bool], question: Callable[[], str]) -> None:
        super().__init__(widget)
        self._widget = widget
        self._busy = busy
        self._question = question
        self._dock: QDockWidget | None = None
        self._window: QMainWindow | None = None
        self.ask: Callable[[str], bool] = self._ask

    def watch(self) -> None:
        """Look where the widget is docked now; to be called whenever that has changed."""
        dock = self._widget.parent()
        window = main_window_of(self._widget)
        for old, new in ((self._dock, dock), (self._window, window)):
            if old is not new:
                if old is not None:
                    old.removeEventFilter(self)
                if new is not None:
                    new.installEventFilter(self)
        self._dock = dock if isinstance(dock, QDockWidget) else None
        self._window = window
        self._watch_buttons()

    def close(self) -> None:
        """Watch nothing more."""
        for watched in (self._dock, self._window):
            if watched is not None:
                watched.removeEventFilter(self)
        self._dock = self._window = None

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Refuse what the user does not want after all."""
        if watched is None or event is None:
            return False
        kind = event.type()
        if watched is self._window and kind == QEvent.Type.Close:
            # A viewer that a program closes has taken its canvas away by now.
            by_user = event.spontaneous() or _is_shown(self._window)
            if by_user and self._busy() and not self.ask(self._question()):
                event.ignore()
                return True
        elif watched is self._dock:
            # The title bar is made anew when the dock floats or changes sides.
            if kind in (QEvent.Type.ChildPolished, QEvent.Type.LayoutRequest):
                self._watch_buttons()
        elif isinstance(watched, QPushButton) and _presses(event, watched) and self._busy():
            # The question takes the focus, and with it the press; the click is made up for afterwards.
            watched.setDown(False)
            if self.ask(self._question()):
                soon(watched, watched.click)
            return True
        return False

    def _watch_buttons(self) -> None:
        if self._dock is not None:
            for button in self._dock.findChildren(QPushButton, "QTitleBarCloseButton"):
                button.removeEventFilter(self)
                button.installEventFilter(self)

    def _ask(self, question: str) -> bool:
        buttons = QMessageBox.StandardButton
        answer = QMessageBox.question(
            self._widget, "OSUDA", question, buttons.Close | buttons.Cancel, buttons.Cancel
        )
        return answer == buttons.Close


def _presses(event: Any, button: QPushButton) -> bool:
    """Whether this event would make the button act."""
    kind = event.type()
    if kind == QEvent.Type.MouseButtonRelease:
        return button.isDown() and bool(button.rect().contains(event.position().toPoint()))
    return kind == QEvent.Type.KeyRelease and event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Select)


def _is_shown(window: QMainWindow) -> bool:
    """Whether what stands in the middle of the window is still shown."""
    middle = window.centralWidget()
    return middle is not None and any(
        child.isVisible() for child in middle.findChildren(QWidget) if child.parent() is middle
    )
