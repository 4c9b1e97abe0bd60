from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from napari_osuda.session import Controller, RunState
from napari_osuda.session.events import Before
from napari_osuda.session.notes import Note, NoteKind
from napari_osuda.widgets.cockpit.cockpit import Cockpit
from napari_osuda.widgets.cockpit.feed import Feed

pytestmark = pytest.mark.viewer


def test_a_run_waits_for_its_layers_and_for_nothing_else(qtbot):
    controller = Controller()
    feed = Feed(controller)
    shown, told, on = [], threading.Event(), threading.Event()
    feed.before_ready.connect(shown.append)

    def run():
        controller.noted.emit("A word.")
        told.set()
        controller.before_ready.emit(Before(0, np.zeros((1, 1, 1), np.uint8)))
        on.set()

    thread = threading.Thread(target=run)
    thread.start()
    # The window does nothing: the note does not wait for it, the layer does.
    assert told.wait(5.0)
    assert not on.wait(0.2)
    qtbot.waitUntil(on.is_set)
    assert len(shown) == 1
    thread.join()
    feed.close()


def test_a_window_that_does_not_answer_holds_a_run_up_for_so_long_and_no_longer(qtbot, monkeypatch):
    monkeypatch.setattr(Feed, "_PATIENCE", 0.05)
    controller = Controller()
    feed = Feed(controller)
    labels = np.zeros((1, 1, 1), np.uint8)
    thread = threading.Thread(target=lambda: controller.before_ready.emit(Before(0, labels)))
    thread.start()
    thread.join(5.0)
    assert not thread.is_alive()
    feed.close()


class Words:
    """A run that says a word and then waits to be let go on."""

    job = None

    def __init__(self, go_on):
        self.go_on = go_on

    def stop(self):
        pass

    def __iter__(self):
        yield Note(NoteKind.OTHER, "A word.")
        self.go_on.wait(60.0)


@pytest.mark.parametrize(("click", "state"), [("pause", RunState.PAUSED), ("stop", RunState.STOPPING)])
def test_a_click_is_not_followed_by_what_the_run_said_before_it(click, state, qtbot):
    controller, go_on, notes = Controller(), threading.Event(), []
    feed, told = Feed(controller), []
    feed.state_changed.connect(told.append)
    feed.noted.connect(notes.append)
    controller.launch(Words(go_on))
    # The window does nothing meanwhile, so that "running" is still on its way.
    assert wait_for(lambda: controller.state is RunState.RUNNING)
    getattr(controller, click)()
    qtbot.waitUntil(lambda: bool(notes), timeout=20_000)
    assert told == [RunState.LOADING, state]
    go_on.set()
    assert controller.close()
    qtbot.waitUntil(lambda: not told[-1].under_way, timeout=20_000)
    assert RunState.RUNNING not in told
    feed.close()


def test_a_run_is_under_way_until_the_window_was_told_of_its_end(qtbot):
    cockpit, go_on = Cockpit(), threading.Event()
    controller, told = cockpit.controller, []
    cockpit.feed.state_changed.connect(lambda state: told.append((state, cockpit.busy)))
    assert not cockpit.busy
    controller.launch(Words(go_on))
    assert cockpit.busy
    go_on.set()
    assert wait_for(lambda: not controller.busy)
    assert cockpit.busy
    qtbot.waitUntil(lambda: not cockpit.busy, timeout=20_000)
    # Whoever hears of the end may begin another run.
    assert not told[-1][0].under_way
    assert not told[-1][1]
    assert all(busy for _, busy in told[:-1])
    cockpit.close()


def wait_for(so):
    """Wait without an answer from the window."""
    return any(so() or time.sleep(0.005) for _ in range(4000))
