"""Libraries that take long to load, on a thread that works while the window's own stands still for it."""

from __future__ import annotations

import builtins
import importlib
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

__all__ = ["COMPILER", "Loading", "wait_until_loaded"]

#: torch's compiler, which any optimizer loads, after the two largest of what it stands on.
COMPILER = ("sympy", "torch.distributed.fsdp", "torch._dynamo")

# A turn of the loading, in seconds: as long as the window took for itself since the last one, within these.
_TURN, _LONG_TURN = 0.03, 0.15
_PAUSE_MS = 10
# The window stands still for no longer than this, though one module may take longer.
_LONGEST = 0.3
# Where the window gives no turns for so long, it waits for what is being loaded.
_PATIENCE = 1.0

_loading: set[Loading] = set()


def wait_until_loaded() -> None:
    """On any thread but the window's: until nothing is being loaded in turns any more."""
    if threading.current_thread() is not threading.main_thread():
        for loading in list(_loading):
            loading.ended.wait()


class Loading(QObject):
    """Imports modules one after another, each in as many turns as its import statements let it have.

    Parameters
    ----------
    parent : QObject
        Without it there are no turns any more: what is left is loaded at once.
    modules : iterable of str
        One that is not there is left out, as only what needs it can tell.

    Notes
    -----
    Not while the window is drawn: torch's compiler and the LLVM of a display that is drawn by software can
    crash each other. Nor on the window's own thread, which torch alone would hold up for a second.
    """

    #: All of them are there.
    loaded = Signal()

    def __init__(self, parent: QObject, modules: Iterable[str] = COMPILER) -> None:
        super().__init__(parent)
        self.ended = threading.Event()
        self._left = [name for name in modules if name not in sys.modules]
        self._turns = _Turns()
        self._timer = QTimer(self)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self._next)
        self._timer.start()
        self.destroyed.connect(self._turns.free)
        # Begun with the first turn: by then the window is up.
        self._thread = threading.Thread(target=self._load, name="osuda-libraries", daemon=True)
        if self._left:
            _loading.add(self)
        else:
            self.ended.set()

    @property
    def done(self) -> bool:
        """Whether all are loaded."""
        return self.ended.is_set()

    def close(self) -> None:
        """Give no more turns: what is left is loaded at once, on its thread."""
        self._timer.stop()
        self._turns.free()
        if not self.done and not self._thread.is_alive():
            # Nobody needs them yet.
            _loading.discard(self)
            self.ended.set()

    def _next(self) -> None:
        if not self.done:
            if not self._thread.is_alive():
                self._thread.start()
            self._turns.give()
        if self.done:
            self._timer.stop()
            self.loaded.emit()

    def _load(self) -> None:
        try:
            with self._turns:
                for name in self._left:
                    load(name)
        finally:
            _loading.discard(self)
            self.ended.set()
            self._turns.end()


class _Turns:
    """Lets one thread import while another, the window's, waits for it: a little at a time."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._until, self._ended = 0.0, time.monotonic()
        self._is_free = self._is_over = self._in_turn = False
        # How many imports the window's thread is in: it may want what is half loaded.
        self._wanted = 0
        self._thread: threading.Thread | None = None
        self._import: Any = None

    def give(self) -> None:
        """On the window's thread: let the other one work for a while."""
        with self._change:
            if self._is_free or self._is_over:
                return
            now = time.monotonic()
            self._until, self._in_turn = now + min(max(now - self._ended, _TURN), _LONG_TURN), True
            self._change.notify_all()
            self._change.wait_for(lambda: not self._in_turn, _LONGEST)
            self._ended = time.monotonic()

    def free(self, _: object = None) -> None:
        """Turns are needed no more."""
        with self._change:
            self._is_free = True
            self._change.notify_all()

    def end(self) -> None:
        """All work is done."""
        with self._change:
            self._is_over, self._in_turn = True, False
            self._change.notify_all()

    def __enter__(self) -> None:
        """On the thread that imports: from now on it stops at its import statements until it has a turn."""
        self._thread, self._import = threading.current_thread(), builtins.__import__
        builtins.__import__ = self._stop_and_import

    def __exit__(self, *_: object) -> None:
        builtins.__import__ = self._import

    def _stop_and_import(self, *args: Any, **options: Any) -> Any:
        thread = threading.current_thread()
        if thread is self._thread:
            self._stop()
        elif thread is threading.main_thread():
            return self._wait_and_import(*args, **options)
        return self._import(*args, **options)

    def _wait_and_import(self, *args: Any, **options: Any) -> Any:
        with self._change:
            self._wanted += 1
            self._change.notify_all()
        try:
            return self._import(*args, **options)
        finally:
            self._wanted -= 1

    def _stop(self) -> None:
        """Between two turns, wait for the next."""
        with self._change:
            if self._is_free or self._wanted or time.monotonic() < self._until:
                return
            self._in_turn = False
            self._change.notify_all()
            if not self._change.wait_for(lambda: self._in_turn or self._is_free or self._wanted, _PATIENCE):
                # The window is busy otherwise, perhaps waiting for this: a turn without it.
                self._until = time.monotonic() + _PATIENCE


def load(module: str) -> bool:
    """Import a module; whether it is there."""
    try:
        importlib.import_module(module)
    except Exception:  # what needs it tells what is wrong with it
        return False
    return True
