"""The controller's signals, brought from the run's thread to the window's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

if TYPE_CHECKING:
    from napari_osuda.session import Controller

__all__ = ["Feed"]


class Feed(QObject):
    """Each signal of the controller under its own name, delivered in order on the GUI thread.

    A Qt signal that is emitted on a foreign thread is queued by Qt for the thread of its receiver, so a run
    never waits for a window and a window needs no polling.
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

    NAMES = (
        "state_changed", "progressed", "noted", "started", "stepped",
        "before_ready", "after_ready", "finished", "failed", "previewed",
    )  # fmt: skip

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._links: list[tuple[Any, Callable[[object], None]]] = []
        for name in self.NAMES:
            source, relay = getattr(controller, name), _relay(getattr(self, name))
            source.connect(relay)
            self._links.append((source, relay))

    def close(self) -> None:
        """Hear nothing more; the run's thread must have ended."""
        for source, relay in self._links:
            source.disconnect(relay)
        self._links.clear()


def _relay(signal: Any) -> Callable[[object], None]:
    def relay(value: object) -> None:
        signal.emit(value)

    return relay
