"""Libraries that take long to load, loaded part by part in turns of the window's own thread."""

from __future__ import annotations

import importlib
from collections.abc import Iterable

from qtpy.QtCore import QObject, QTimer

__all__ = ["COMPILER", "Loading"]

#: torch's compiler, which any optimizer loads, after the two largest of what it stands on.
COMPILER = ("sympy", "torch.distributed.fsdp", "torch._dynamo")

_PAUSE_MS = 50


class Loading(QObject):
    """Imports one module after another while the window lives on between them.

    Parameters
    ----------
    parent : QObject
        Nothing is loaded any more once it is gone.
    modules : iterable of str
        Each in a turn of its own. One that is not there is left out, as only what needs it can tell.

    Notes
    -----
    Not on another thread: loaded there while a display is drawn by software, torch's compiler and the LLVM of
    that display can crash each other.
    """

    def __init__(self, parent: QObject, modules: Iterable[str] = COMPILER) -> None:
        super().__init__(parent)
        self._left = list(modules)
        self._timer = QTimer(self)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self._next)
        self._timer.start()

    @property
    def done(self) -> bool:
        """Whether all are loaded."""
        return not self._left

    def finish(self, *_: object) -> None:
        """Load at once what is left, before another thread needs it."""
        while self._left:
            self._next()

    def _next(self) -> None:
        if self._left:
            load(self._left.pop(0))
        if not self._left:
            self._timer.stop()


def load(module: str) -> bool:
    """Import a module; whether it is there."""
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True
