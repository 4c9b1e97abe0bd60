from __future__ import annotations

import threading

import pytest
from qtpy.QtCore import QObject

from napari_osuda.widgets.qt.background import Background


@pytest.fixture
def background(qapp):
    owner = QObject()
    found = Background(owner)
    found.owner = owner
    yield found
    found.close()


def test_an_answer_comes_back_to_the_thread_of_the_window(background, qtbot):
    told = []
    background.done.connect(lambda answer: told.append((answer, threading.current_thread())))
    with qtbot.waitSignal(background.done):
        background.run(threading.current_thread)
    ((worker, told_on),) = told
    assert worker is not threading.main_thread()
    assert told_on is threading.main_thread()


def test_what_fails_is_told_as_what_was_raised(background, qtbot):
    def fail():
        raise ValueError("no such file")

    with qtbot.waitSignal(background.failed) as failed:
        background.run(fail)
    assert isinstance(failed.args[0], ValueError)


def test_only_the_newest_is_told(background, qtbot):
    gate, told = threading.Event(), []
    background.done.connect(told.append)

    def slow():
        gate.wait(30)
        return "old"

    background.run(slow)
    with qtbot.waitSignal(background.done):
        background.run(lambda: "new")
    assert background.busy
    gate.set()
    background.close()
    qtbot.wait(1)
    assert told == ["new"]


def test_closing_waits_and_tells_nothing(background, qtbot):
    told, done = [], threading.Event()
    background.done.connect(told.append)
    background.run(done.set)
    background.close()
    assert done.is_set()
    assert not background.busy
    qtbot.wait(1)
    assert not told


def test_it_is_busy_until_the_answer_is_told(background, qtbot):
    busy = []
    background.done.connect(lambda answer: busy.append(background.busy))
    background.run(lambda: None)
    for thread in tuple(background._threads):
        thread.join()
    assert background.busy
    qtbot.waitUntil(lambda: not background.busy)
    assert busy == [False]


def test_every_answer_is_told_where_each_counts(qapp, qtbot):
    owner, gate = QObject(), threading.Event()
    background, told, failed = Background(owner, every=True), [], []
    background.done.connect(told.append)
    background.failed.connect(failed.append)

    def fail():
        gate.wait(30)
        raise ValueError("disk full")

    background.run(fail)
    background.run(lambda: "second")
    qtbot.waitUntil(lambda: told == ["second"])
    assert background.busy
    gate.set()
    qtbot.waitUntil(lambda: len(failed) == 1)
    background.run(lambda: "never told")
    background.close()
    qtbot.wait(1)
    assert told == ["second"]
