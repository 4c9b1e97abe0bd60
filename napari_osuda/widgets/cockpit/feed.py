"""The controller's signals, brought from the run's thread to the window's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_osuda.widgets.qt.painting import PAINTED_MS

if TYPE_CHECKING:
    from napari_osuda.session import Controller

__all__ = ["Feed"]


class Feed(QObject):
    """Each signal of the controller under its own name, delivered in order on the GUI thread.

    A Qt signal that is emitted on a foreign thread is queued by Qt for the thread of its receiver, so a run
    does not wait for a window and a window needs no polling. With one exception: while the window puts up a
    layer of masks, the run stands still for as long as that takes, a second at most. The two would only hold
    each other up, and the window would stand still for twice the time.

    What the window itself makes the controller do, such as a pause, is told at once. A "running" that the
    thread sent before is then overtaken, and is not told.
    """

    state_changed = Signal(object)
    progressed = Signal(object)
    noted = Signal(object)
    started = Signal(object)
    stepped = Signal(object)
    before_ready = Signal(object)
    after_ready = Signal(object)
    finished = Signal(object)
    failed = Signal(object)
    previewed = Signal(object)
    _arrived = Signal(str, object)
    _shown = Signal()

    NAMES = (
        "state_changed", "progressed", "noted", "started", "stepped",
        "before_ready", "after_ready", "finished", "failed", "previewed",
    )  # fmt: skip

    _LAYERS = ("before_ready", "after_ready", "previewed")
    _PATIENCE = 1.0

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self._there = threading.Event()
        # Once more after the painting is on the list: it comes between two timers.
        self._shown.connect(lambda: QTimer.singleShot(PAINTED_MS, self._painted))
        self._links: list[tuple[Any, Callable[[object], None]]] = []
        self._arrived.connect(self._pass_on)
        for name in self.NAMES:
            source, relay = getattr(controller, name), self._relay(name)
            source.connect(relay)
            self._links.append((source, relay))

    def close(self) -> None:
        """Hear nothing more; the run's thread must have ended."""
        for source, relay in self._links:
            source.disconnect(relay)
        self._links.clear()

    def _relay(self, name: str) -> Callable[[object], None]:
        """What takes a signal on the run's thread, and sends it on its way to the window's."""

        def relay(value: object) -> None:
            self._arrived.emit(name, value)
            if name in self._LAYERS:
                self._wait()

        return relay

    def _pass_on(self, name: str, value: object) -> None:
        # What is still on its way when everything is torn down has nobody to tell it to.
        if self._links and not self._overtaken(value):
            getattr(self, name).emit(value)

    def _overtaken(self, value: object) -> bool:
        from napari_osuda.session import RunState

        return value is RunState.RUNNING and self._controller.state in (RunState.PAUSED, RunState.STOPPING)

    def _painted(self) -> None:
        # A timer that runs: one of 0 ms is a message, which comes before any painting.
        QTimer.singleShot(1, self._there.set)

    def _wait(self) -> None:
        """On the run's thread: until the window has done, and painted, what it was told last."""
        if threading.current_thread() is not threading.main_thread():
            self._there.clear()
            self._shown.emit()
            self._there.wait(self._PATIENCE)
