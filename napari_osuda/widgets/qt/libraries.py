"""Libraries that take long to load: most on a thread, torch's compiler in turns of the window's own."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterable

from qtpy.QtCore import QObject, QTimer, Signal

__all__ = ["COMPILER", "CORE", "Loading"]

#: What every run needs. Who wants one of them sooner imports it, and waits for this thread's import.
CORE = ("torch", "pandas", "napari_osuda.session")

#: torch's compiler, which any optimizer loads, after the two largest of what it stands on.
COMPILER = ("sympy", "torch.distributed.fsdp", "torch._dynamo")

_PAUSE_MS = 50


class Loading(QObject):
    """Imports modules while the window lives on.

    Parameters
    ----------
    parent : QObject
        Nothing more is begun once it is gone.
    core : iterable of str
        Imported one after another on a thread, which begins with the first turn of the event loop: by then
        the window is up.
    compiler : iterable of str
        Imported after them, each in a turn of the window's thread. A module of either kind that is not there
        is left out, as only what needs it can tell.

    Notes
    -----
    The compiler is not loaded on another thread: while a display is drawn by software, it and the LLVM of
    that display can crash each other.
    """

    #: The first kind is there.
    core_loaded = Signal()

    def __init__(
        self, parent: QObject, core: Iterable[str] = CORE, compiler: Iterable[str] = COMPILER
    ) -> None:
        super().__init__(parent)
        self._core, self._left = list(core), list(compiler)
        self._waiting: list[Callable[[], None]] = []
        self._has_begun = self._has_core = False
        self._thread = threading.Thread(target=self._load_core, name="osuda-libraries", daemon=True)
        self._timer = QTimer(self)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self._next)
        self._timer.start()

    @property
    def done(self) -> bool:
        """Whether all are loaded."""
        return self._has_core and not self._left

    def when_done(self, function: Callable[[], None]) -> None:
        """Call a function on the window's thread: at once, or as soon as all are loaded."""
        if self.done:
            function()
        else:
            self._waiting.append(function)

    def finish(self, *_: object) -> None:
        """Load at once what is left, before another thread needs it."""
        while not self.done:
            if self._has_begun:
                self._thread.join()
            self._next()

    def close(self) -> None:
        """Begin nothing more, and tell nothing; a module that is being loaded is waited for."""
        self._timer.stop()
        self._waiting.clear()
        self._core.clear()
        if self._has_begun:
            self._thread.join()

    def _load_core(self) -> None:
        while self._core:
            load(self._core.pop(0))

    def _next(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self._thread.start()
        elif self._thread.is_alive():
            return
        elif not self._has_core:
            self._has_core = True
            self.core_loaded.emit()
        elif self._left:
            load(self._left.pop(0))
        if self.done:
            self._timer.stop()
            waiting, self._waiting = self._waiting, []
            for function in waiting:
                function()


def load(module: str) -> bool:
    """Import a module; whether it is there."""
    try:
        importlib.import_module(module)
    except Exception:  # what needs it tells what is wrong with it
        return False
    return True
