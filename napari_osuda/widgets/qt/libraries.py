"""Libraries that take long to load: most on a thread, torch's compiler in turns of the window's own."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from qtpy.QtCore import QObject, QTimer, Signal

from napari_osuda.widgets.qt.garbage import hold, release, set_aside

__all__ = ["COMPILER", "CORE", "Loading"]

#: What every run needs. Who wants one of them sooner imports it, and waits for this thread's import.
CORE = ("torch", "pandas", "sympy", "napari_osuda.session")

#: torch's compiler, which any optimizer loads, after the largest of what it stands on: none takes long.
COMPILER = (
    "torch.distributed._functional_collectives",
    "torch.distributed.tensor",
    "torch.distributed.fsdp",
    "torch._inductor",
    "torch._dynamo",
)

_PAUSE_MS = 50

# In the folder "lib" of torch; the large ones are those that it needs.
_LIBRARY = "libtorch.[sd][oy]*"


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

    torch's largest library takes over a second to be linked, during which Python's import stops every other
    thread, the window's as well: so `Linking` links it. For the same reason Python collects no garbage until
    all is loaded, and what is loaded is left out of collections.
    """

    #: The first kind is there.
    core_loaded = Signal()

    def __init__(
        self, parent: QObject, core: Iterable[str] = CORE, compiler: Iterable[str] = COMPILER
    ) -> None:
        super().__init__(parent)
        self._core, self._left = list(core), list(compiler)
        self._holder = holder = object()
        hold(holder)
        self._waiting: list[Callable[[], None]] = []
        self._has_begun = self._has_core = False
        self._thread = threading.Thread(target=self._load_core, name="osuda-libraries", daemon=True)
        self.destroyed.connect(_ending(self._core, self._thread, holder))
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
        release(self._holder)

    def _load_core(self) -> None:
        with Linking():
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
            set_aside()
            release(self._holder)
            waiting, self._waiting = self._waiting, []
            for function in waiting:
                function()


def _ending(core: list[str], thread: threading.Thread, holder: object) -> Callable[[], None]:
    """What a window that is closed without a word leaves to be done: Python may end next."""

    def end() -> None:
        core.clear()
        if thread.ident is not None:
            thread.join()
        release(holder)

    return end


def load(module: str) -> bool:
    """Import a module; whether it is there."""
    try:
        importlib.import_module(module)
    except Exception:  # what needs it tells what is wrong with it
        return False
    return True


class Linking:
    """While the block lasts, torch's libraries are linked just before its import would, with Python running.

    ``import`` and ``ctypes.CDLL`` keep Python's lock over a library's linking, and so every other thread from
    running; a function that is called by ctypes does not. By the time the finder is asked for torch's own
    module torch has done what goes before. What fails is left to the import, which tells why.

    Notes
    -----
    On Windows torch links them in this way itself.
    """

    def __enter__(self) -> None:
        if os.name == "posix":
            sys.meta_path.insert(0, self)

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(self)

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> None:
        """Find nothing; link what the module asked for will want."""
        if name == "torch._C":
            with contextlib.suppress(Exception):
                link(next(file for place in path or () for file in Path(place, "lib").glob(_LIBRARY)))


def link(file: Path) -> bool:
    """Link a shared library and those that it needs, without Python's lock; whether that went well."""
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.restype, dlopen.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_int]
    return bool(dlopen(os.fsencode(file), os.RTLD_NOW | os.RTLD_LOCAL))
