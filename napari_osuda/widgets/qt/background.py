"""Work that would hold up the window, done on a thread; its result comes back to the window's thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Signal

__all__ = ["Background"]


class Background(QObject):
    """Runs functions off the GUI thread; only the answer to the newest is told, or every one.

    Parameters
    ----------
    parent : QObject
        Owner; no answer is told once it is gone or `close` was called.
    every : bool
        Tell each answer as it comes: what was asked for later takes the place of nothing.
    """

    done = Signal(object)
    failed = Signal(Exception)
    _answered = Signal(int, object, object)

    def __init__(self, parent: QObject, *, every: bool = False) -> None:
        super().__init__(parent)
        self._newest, self._every = 0, every
        self._answered.connect(self._tell)
        self._threads: set[threading.Thread] = set()
        self._unanswered: set[int] = set()
        # A viewer that is closed destroys its widgets without a word; Qt calls no method of what is gone.
        self.destroyed.connect(lambda: self.close())

    @property
    def busy(self) -> bool:
        """Whether any function is still running, or its answer still on the way to the window's thread."""
        return bool(self._unanswered)

    def run(self, function: Callable[[], Any]) -> None:
        """Call ``function`` on a thread; ``done`` carries what it returns, ``failed`` what it raises."""
        self._newest += 1
        self._unanswered.add(self._newest)
        self._threads = {thread for thread in self._threads if thread.is_alive()}
        thread = threading.Thread(
            target=self._work, args=(self._newest, function), name="osuda-load", daemon=True
        )
        self._threads.add(thread)
        thread.start()

    def close(self) -> None:
        """Wait for what is running and tell nothing of it."""
        self._newest += 1
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self._unanswered.clear()

    def _work(self, number: int, function: Callable[[], Any]) -> None:
        try:
            result, error = function(), None
        except Exception as caught:  # told to the window, which makes a sentence of it
            result, error = None, caught
        # Emitting from here queues the call to the thread that this object lives in; a window that was closed
        # meanwhile has taken it along, and wants no answer.
        with contextlib.suppress(RuntimeError):
            self._answered.emit(number, result, error)

    def _tell(self, number: int, result: object, error: Exception | None) -> None:
        awaited = number in self._unanswered
        self._unanswered.discard(number)
        if not awaited or not (self._every or number == self._newest):
            return
        if error is None:
            self.done.emit(result)
        else:
            self.failed.emit(error)
