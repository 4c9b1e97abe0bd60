"""What closed windows leave behind is taken apart on the GUI thread.

Plots and Qt hold each other in cycles. Left to chance, Python would take them apart on whichever thread runs
next, and Qt's parts survive only this one. A collection looks at everything there is, and holds up the window
for a third of a second with torch and napari loaded: so it is done when something was closed, and only then.
For the same reason what is there when a run begins, torch and napari most of all, is set aside until it
ends: Python's own collections, which come when they like and stop every thread, then look only at what came
after.
"""

from __future__ import annotations

import gc

from qtpy.QtCore import QTimer

__all__ = ["clear_up", "set_aside", "take_back", "window_closed"]

_DUE: list[bool] = []


def window_closed() -> None:
    """One of our windows is going: clear up once Qt is done with it, or before the next run at the latest."""
    _DUE.append(True)
    QTimer.singleShot(0, clear_up)


def clear_up() -> None:
    """Collect, if a window was closed since; to be called on the GUI thread."""
    if _DUE:
        _DUE.clear()
        aside = gc.get_freeze_count() > 0
        # The closed window may be among what was set aside.
        gc.unfreeze()
        gc.collect()
        if aside:
            gc.freeze()


def set_aside() -> None:
    """Leave what there is now out of Python's collections; garbage among it waits until `take_back`."""
    gc.freeze()


def take_back() -> None:
    """Have collections look at everything again: what a run has left behind is garbage like any other."""
    gc.unfreeze()
