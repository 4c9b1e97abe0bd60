"""Calls that wait for Qt's next turn, and are not made once what they belong to is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, QTimer

__all__ = ["soon", "soon_in"]


def soon(owner: QObject, call: Callable[[], object]) -> None:
    """Call once what Qt has under way is done, unless the owner is deleted first.

    ``QTimer.singleShot`` knows no owner: it calls methods of a widget that a closed window took with it,
    and Qt raises a RuntimeError that nobody catches.

    Parameters
    ----------
    owner : QObject
        A widget or window that the call needs alive; to be asked on its own thread.
    call : callable
    """
    _Once(owner, call).start(0)


def soon_in(viewer: Any, call: Callable[[], object]) -> None:
    """The same for a viewer: call unless its window is closed first.

    Parameters
    ----------
    viewer : napari.Viewer
    call : callable
    """
    window = viewer.window._qt_window

    def still_open() -> None:
        # napari lets go of a window when it closes; Qt deletes it some turns later.
        if getattr(viewer.window, "_qt_window", None) is window:
            call()

    soon(window, still_open)


class _Once(QTimer):
    """Holds a call where Python's collector sees it: a slot that is no method would keep its viewer alive."""

    def __init__(self, owner: QObject, call: Callable[[], object]) -> None:
        super().__init__(owner)
        self._call: Callable[[], object] | None = call
        self.setSingleShot(True)
        self.timeout.connect(self._make_it)

    def _make_it(self) -> None:
        call, self._call = self._call, None
        self.deleteLater()
        if call is not None:
            call()
