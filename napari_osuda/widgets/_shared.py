"""What the widgets of one viewer have in common: the controller, its feed, and what it has told."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from qtpy.QtCore import QObject, Signal

from napari_osuda.widgets._feed import Feed
from napari_osuda.widgets._history import RunHistory

if TYPE_CHECKING:
    from napari_osuda.session import Controller, Finished, Job, RunResult, Started, Step

__all__ = ["Cockpit", "cockpit_of", "real_viewer"]

_COCKPITS: WeakKeyDictionary[Any, Cockpit] = WeakKeyDictionary()


class Cockpit(QObject):
    """The one run of a viewer, for as long as any of the plugin's widgets is open in it.

    Attributes
    ----------
    history : RunHistory or None
        Of the run under way, or of the last.
    result : RunResult or None
        Of the last run that has ended.
    """

    #: A run has begun, with its empty `RunHistory`.
    began = Signal(object)
    #: The controller was made: from now on there is a ``feed``.
    opened = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.history: RunHistory | None = None
        self.result: RunResult | None = None
        self._controller: Controller | None = None
        self._feed: Feed | None = None
        self._users: set[object] = set()

    @property
    def controller(self) -> Controller:
        """The controller, made when first asked for: this loads torch."""
        if self._controller is None:
            from napari_osuda.session import Controller

            self._controller = Controller()
            self._feed = Feed(self._controller)
            self._feed.started.connect(self._on_started)
            self._feed.stepped.connect(self._on_stepped)
            self._feed.finished.connect(self._on_finished)
            self.opened.emit()
        return self._controller

    @property
    def feed(self) -> Feed | None:
        """The controller's signals on the GUI thread; None before ``opened``."""
        return self._feed

    @property
    def busy(self) -> bool:
        """Whether a run is under way."""
        return self._controller is not None and self._controller.busy

    def start(self, job: Job) -> None:
        """Begin a run; RuntimeError if one is under way."""
        # What closed windows have left is taken apart now: on the run's thread Qt would not survive it.
        gc.collect()
        self.controller.start(job)

    def attach(self, user: object) -> None:
        """A widget, known by any object of its own, uses this."""
        self._users.add(user)

    def detach(self, user: object) -> None:
        """A widget does so no more; with the last one, the run ends and its thread is gone."""
        self._users.discard(user)
        if not self._users:
            self.close()

    def end_run(self) -> None:
        """Stop a run under way and wait for its thread."""
        if self._controller is not None:
            self._controller.close()

    def close(self) -> None:
        """Tear everything down."""
        self.end_run()
        if self._feed is not None:
            self._feed.close()
        self._feed = self._controller = None
        self.history = self.result = None
        for viewer, cockpit in list(_COCKPITS.items()):
            if cockpit is self:
                del _COCKPITS[viewer]

    def _on_started(self, event: Started) -> None:
        self.history = RunHistory(event.layers, event.classes, event.iterations)
        self.began.emit(self.history)

    def _on_stepped(self, event: Step) -> None:
        if self.history is not None:
            self.history.add(event.report)

    def _on_finished(self, event: Finished) -> None:
        self.result = event.result


def real_viewer(viewer: Any) -> Any:
    """The viewer behind the proxy that napari hands to plugins; every widget gets a proxy of its own."""
    return getattr(viewer, "__wrapped__", viewer)


def cockpit_of(viewer: Any) -> Cockpit:
    """The cockpit of a viewer: all widgets in it get the same one."""
    key = real_viewer(viewer)
    if key not in _COCKPITS:
        _COCKPITS[key] = Cockpit()
    return _COCKPITS[key]
