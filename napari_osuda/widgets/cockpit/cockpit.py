"""What the widgets of one viewer have in common: the controller, its feed, and what it has told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from qtpy.QtCore import QObject, Signal

from napari_osuda.errors import RunUnderWayError
from napari_osuda.widgets.cockpit.feed import Feed
from napari_osuda.widgets.cockpit.history import RunHistory
from napari_osuda.widgets.cockpit.images import OpenImages
from napari_osuda.widgets.qt.garbage import clear_up, set_aside
from napari_osuda.widgets.qt.window import real_viewer

if TYPE_CHECKING:
    from napari_osuda.session import (
        Controller,
        Finished,
        Job,
        Previewer,
        Run,
        RunResult,
        RunState,
        Started,
        Step,
        Timeline,
    )

__all__ = ["Cockpit", "cockpit_of"]

_COCKPITS: WeakKeyDictionary[Any, Cockpit] = WeakKeyDictionary()


class Cockpit(QObject):
    """The one run of a viewer, for as long as any of the plugin's widgets is open in it.

    Attributes
    ----------
    history : RunHistory or None
        Of the run under way, or of the last.
    result : RunResult or None
        Of the last run that has ended.
    image : napari Image layer or None
        What the run's first channel was read from, and its masks are shown on.
    images : OpenImages
        All layers that the run's case was read from.
    """

    #: A run has begun, with its empty `RunHistory`.
    began = Signal(object)
    #: Another result: a run has ended, or one of its iterations was chosen.
    ended = Signal(object)
    #: Somebody wants the last result reviewed: a review that is open shows it.
    review_wanted = Signal()
    #: The controller was made: from now on there is a ``feed``.
    opened = Signal()
    #: The images of the last run were removed or replaced: there is no longer anything to choose or to save.
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.history: RunHistory | None = None
        self.result: RunResult | None = None
        self.image: Any = None
        self.images = OpenImages(self)
        self.images.gone.connect(self._on_gone)
        self._run: Run | None = None
        self._previewer: Previewer | None = None
        self._controller: Controller | None = None
        self._feed: Feed | None = None
        self._under_way = False
        self._users: set[object] = set()
        # How many decisions an open review holds on a result without a folder.
        self.reviewed: Callable[[], int] | None = None

    @property
    def controller(self) -> Controller:
        """The controller, made when first asked for: this loads torch."""
        if self._controller is None:
            from napari_osuda.session import Controller

            self._controller = Controller()
            self._feed = Feed(self._controller)
            # The first to be told: by the time that others hear of the end, another run may begin.
            self._feed.state_changed.connect(self._on_state)
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
        """Whether a run is under way, or its end still on the way to the window."""
        return self._under_way

    @property
    def run(self) -> Run | None:
        """The run whose steps are in ``history``, from its first event on."""
        return self._run

    @property
    def case(self) -> str:
        """What the patient of the run is called; "" before any."""
        job = None if self._controller is None else self._controller.job
        return ", ".join(case.name for case in job.cases) if job is not None else ""

    @property
    def timeline(self) -> Timeline | None:
        """The states that the run has kept."""
        return None if self._run is None else self._run.timeline

    @property
    def previewer(self) -> Previewer | None:
        """Shows slices of the run's cases in past states; one at a time."""
        from napari_osuda.session import Previewer

        if self._previewer is None and self._run is not None and self._run.stacks:
            self._previewer = Previewer(
                self._run.job.model,
                self._run.stacks,
                card=self._run.card,
                precision=self._run.job.config.precision,
            )
        return self._previewer

    def start(self, job: Job, image: Any = None) -> None:
        """Begin a run whose masks lie on the layer ``image``; RunUnderWayError if one is under way."""
        if self.busy:
            raise RunUnderWayError
        self._forget_states()
        self._run = self._previewer = None
        self.image = image
        clear_up()
        set_aside()
        self.controller.start(job)

    def use_iteration(self, iteration: int) -> None:
        """Make the state after so many iterations the result; RunUnderWayError if a run is under way."""
        from napari_osuda.session import RunFromIteration

        assert self.result is not None
        assert self.timeline is not None
        if self.busy:
            raise RunUnderWayError
        clear_up()
        set_aside()
        self.controller.launch(RunFromIteration(self.result, self.timeline, iteration))

    def decisions(self) -> int:
        """How many decisions a person has made on the last result, in an open review or in its folder."""
        from napari_osuda.session.review.record import recorded_decisions

        if self.result is None:
            return 0
        if self.result.folder is not None:
            return recorded_decisions(self.result.folder)
        return 0 if self.reviewed is None else self.reviewed()

    def attach(self, user: object) -> None:
        """A widget, known by any object of its own, uses this."""
        self._users.add(user)

    def detach(self, user: object) -> None:
        """A widget does so no more; with the last one, the run ends and its thread is gone."""
        self._users.discard(user)
        if not self._users:
            self.close()

    def leave(self) -> None:
        """Let go of the last run and its case; what it has written stays in its folder."""
        self._forget_states()
        self.images.close()
        self.result = self.image = self._run = self._previewer = None
        self.left.emit()

    def end_run(self) -> None:
        """Leave a run under way where it is, and wait for its thread."""
        if self._controller is not None:
            self._controller.close()

    def close(self) -> None:
        """Tear everything down."""
        self.end_run()
        self._forget_states()
        self.images.close()
        if self._feed is not None:
            self._feed.close()
        self._feed = self._controller = None
        self._under_way = False
        self.history = self.result = self.image = self._run = self._previewer = None
        for viewer, cockpit in list(_COCKPITS.items()):
            if cockpit is self:
                del _COCKPITS[viewer]

    def _on_gone(self) -> None:
        # What is under way goes on: it has the voxels, and its masks and panels are called by the case.
        if not self.busy and self.result is not None:
            self.leave()

    def _forget_states(self) -> None:
        """Delete the states of a run that has ended; one that was cut off will want them."""
        timeline = self.timeline
        if timeline is not None and self.result is not None:
            timeline.remove()

    def _on_state(self, state: RunState) -> None:
        self._under_way = state.under_way

    def _on_started(self, event: Started) -> None:
        self._run, self.result = self.controller.run, None
        self.history = RunHistory(event.layers, event.classes, event.iterations, event.intensities)
        self.began.emit(self.history)

    def _on_stepped(self, event: Step) -> None:
        if self.history is not None:
            self.history.add(event.report)

    def _on_finished(self, event: Finished) -> None:
        self.result = event.result
        self.ended.emit(event.result)


def cockpit_of(viewer: Any) -> Cockpit:
    """The cockpit of a viewer: all widgets in it get the same one."""
    key = real_viewer(viewer)
    if key not in _COCKPITS:
        _COCKPITS[key] = Cockpit()
    return _COCKPITS[key]
