"""What closed windows leave behind is taken apart on the GUI thread.

Plots and Qt hold each other in cycles. Left to chance, Python would take them apart on whichever thread runs
next, and Qt's parts survive only this one. A collection looks at everything there is, and holds up the window
for a third of a second with torch and napari loaded: so it is done when something was closed, and only then.
For the same reason what is there when the first run begins, torch and napari most of all, is set aside:
Python's own collections, which come when they like and stop every thread, then look only at what came after.
While libraries are loaded, which leave next to nothing to collect, there are none at all.
"""

from __future__ import annotations

import atexit
import gc
import threading

from qtpy.QtCore import QTimer

__all__ = ["clear_up", "hold", "release", "set_aside", "window_closed"]

_DUE: list[bool] = []
_LOCK = threading.Lock()
_HOLDERS: set[object] = set()
_OURS: list[bool] = []


def window_closed() -> None:
    """One of our windows is going: clear up once Qt is done with it, or before the next run at the latest."""
    _DUE.append(True)
    QTimer.singleShot(0, clear_up)


def clear_up() -> None:
    """Collect, if a window was closed since; to be called on the GUI thread."""
    if _DUE:
        _DUE.clear()
        gc.unfreeze()
        gc.collect()


def set_aside() -> None:
    """Leave what there is now out of collections until something is closed.

    Once: what a run leaves behind is to be collected like anything else. Given back at the end of each run,
    everything would be looked at soon after, and hold up the window while the result is looked at. The price:
    cyclic garbage among what is set aside, which is what there was before the first run or, after
    a closing, at most the layers of one run, waits for something to be closed.
    """
    if not gc.get_freeze_count():
        gc.freeze()
        _at_exit()


def hold(holder: object) -> None:
    """No collection by Python itself until this holder, and every other one, lets go; any thread may call."""
    with _LOCK:
        if not _HOLDERS and gc.isenabled():
            _OURS.append(True)
            gc.disable()
            _at_exit()
        _HOLDERS.add(holder)


def release(holder: object) -> None:
    """Let go, if held; collections that were off before stay off."""
    with _LOCK:
        _HOLDERS.discard(holder)
        if not _HOLDERS and _OURS:
            _OURS.clear()
            gc.enable()


def _at_exit() -> None:
    """Collect before Python ends, while Qt still lives: its parts cannot be taken apart later."""
    atexit.unregister(_give_back)
    atexit.register(_give_back)


def _give_back() -> None:
    gc.unfreeze()
    if _OURS:
        gc.enable()
    gc.collect()
