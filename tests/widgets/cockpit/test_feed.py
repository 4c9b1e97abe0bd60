from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_osuda.session import Controller
from napari_osuda.session.events import Before
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
