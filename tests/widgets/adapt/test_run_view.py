from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
from qtpy.QtCore import QCoreApplication, QEvent, QObject, Signal

from napari_osuda.session.controller import RunState
from napari_osuda.widgets.adapt.run_view import RunView
from napari_osuda.widgets.cockpit.feed import Feed as FeedOfAll


class Feed(QObject):
    state_changed = Signal(object)
    progressed = Signal(object)
    noted = Signal(str)
    started = Signal(object)
    before_ready = Signal(object)
    after_ready = Signal(object)
    previewed = Signal(object)
    finished = Signal(object)
    failed = Signal(str)


class Panel(QObject):
    pause = Signal()
    resume = Signal()

    def __init__(self):
        super().__init__()
        self.state, self.states = "idle", []
        self.set_progress = Mock()

    def set_state(self, state, detail=""):
        self.state = state
        self.states.append((state, detail))


class Cockpit(QObject):
    left = Signal()

    def __init__(self):
        super().__init__()
        self.busy = False
        self.feed, self.controller = Feed(), Mock()
        self.controller.job = SimpleNamespace(model=SimpleNamespace(card="card"))
        self.image, self.case = "image", "patient7"


@pytest.fixture
def shown(qapp):
    """A view, its parts, and the sentences that it says."""
    parts = SimpleNamespace(cockpit=Cockpit(), panel=Panel(), outcome=Mock(), layers=Mock(), said=[])
    parts.view = RunView(
        parts.cockpit, parts.cockpit, parts.panel, parts.outcome, parts.layers, parts.said.append
    )
    yield parts
    parts.view.close()


def finished(outcome="done"):
    return SimpleNamespace(
        result=SimpleNamespace(
            outcome=outcome, reports=(1,), iteration=None, folder=None,
            job=SimpleNamespace(config=SimpleNamespace(iterations=3)),
        )
    )  # fmt: skip


def test_a_run_that_begins_takes_the_last_result_away(shown):
    shown.view.prepare()
    shown.outcome.show_result.assert_called_with(None)
    assert shown.panel.states == [("loading", "reading the images")]


def test_before_its_first_slices_are_done_a_run_says_that_it_segments(shown):
    shown.view.prepare()
    for state in (RunState.LOADING, RunState.RUNNING):
        shown.cockpit.feed.state_changed.emit(state)
    shown.cockpit.feed.started.emit(None)
    assert shown.panel.states[-1] == ("running", "segmenting with the source model")
    # A pause that came first stays one.
    shown.cockpit.feed.state_changed.emit(RunState.PAUSED)
    shown.cockpit.feed.started.emit(None)
    assert shown.panel.state == "paused"


def test_masks_go_to_the_layers_as_they_come(shown):
    feed = shown.cockpit.feed
    feed.started.emit(None)
    shown.layers.begin.assert_called_with("image", "card", "patient7")
    for signal, method in (
        (feed.before_ready, shown.layers.show_before),
        (feed.after_ready, shown.layers.show_after),
        (feed.previewed, shown.layers.show_preview),
    ):
        signal.emit(np.zeros(1))
        method.assert_called_once()


@pytest.mark.parametrize("outcome", ["done", "stopped"])
def test_how_a_run_has_ended_is_told_once_its_thread_is_through(shown, outcome):
    under_way = []
    shown.view.under_way.connect(under_way.append)
    shown.cockpit.feed.state_changed.emit(RunState.RUNNING)
    event = finished(outcome)
    shown.cockpit.feed.finished.emit(event)
    shown.outcome.show_result.assert_called_with(event.result)
    shown.cockpit.feed.state_changed.emit(RunState.DONE)
    assert shown.panel.states == [("running", ""), (outcome, "1 of 3 iterations")]
    assert under_way == [True, False]
    shown.layers.end.assert_called_once()
    assert [call.args for call in shown.outcome.set_busy.call_args_list] == [(True,), (False,)]


def test_a_failure_is_told_in_its_own_sentence_and_not_as_an_end(shown):
    shown.cockpit.feed.failed.emit("There is not enough memory.")
    shown.cockpit.feed.finished.emit(finished("failed"))
    shown.cockpit.feed.state_changed.emit(RunState.FAILED)
    assert shown.panel.states == [("failed", "There is not enough memory.")]


def test_what_fails_beside_a_run_does_not_end_it(shown):
    shown.cockpit.busy = True
    shown.view.fail("No mask was saved.")
    assert shown.said == ["No mask was saved."]
    assert not shown.panel.states
    shown.cockpit.busy = False
    shown.view.fail("The layers differ.")
    assert shown.panel.states == [("failed", "The layers differ.")]


def test_a_run_whose_images_are_gone_has_nothing_to_choose(shown):
    shown.cockpit.left.emit()
    shown.outcome.show_result.assert_called_with(None)
    shown.layers.leave.assert_called_once()
    assert shown.panel.states == [("idle", "")]


def test_pause_and_resume_are_the_controllers(shown):
    shown.panel.pause.emit()
    shown.panel.resume.emit()
    shown.cockpit.controller.pause.assert_called_once()
    shown.cockpit.controller.resume.assert_called_once()


def test_what_a_run_tells_reaches_nothing_of_a_window_that_is_gone(qapp):
    # A viewer that is closed destroys its widgets without a word, and the run goes on telling for a while.
    for _ in range(50):
        window, cockpit, layers, said = QObject(), Cockpit(), Mock(), Mock()
        panel, outcome = Panel(), Mock()
        RunView(window, cockpit, panel, outcome, layers, said)
        cockpit.feed.previewed.emit("preview")
        layers.show_preview.assert_called_once_with("preview")
        window.deleteLater()
        QCoreApplication.sendPostedEvents(window, QEvent.Type.DeferredDelete)
        for part in (panel.set_progress, outcome, layers, said):
            part.reset_mock()
        for name in FeedOfAll.NAMES:
            if hasattr(cockpit.feed, name):
                getattr(cockpit.feed, name).emit("late")
        for part in (panel.set_progress, outcome, layers, said):
            assert not part.mock_calls
        assert not panel.states
