from __future__ import annotations

import pytest

from napari_osuda.session.run import clock as module
from napari_osuda.session.run.clock import Clock


@pytest.fixture
def clock(monkeypatch):
    """A clock whose seconds are told it."""
    found = Clock()
    found.now = 0.0
    monkeypatch.setattr(module.time, "monotonic", lambda: found.now)
    found.plan(before=10, steps=5, after=10)
    return found


def test_nothing_is_known_before_something_was_timed(clock):
    assert clock.progress("before", 0, 10).seconds_left is None


def test_what_is_left_is_at_the_pace_of_what_was(clock):
    clock.progress("before", 0, 10)
    clock.now = 4.0
    # 2 s a slice, a step 48 slices: 8 slices, 5 steps, 10 slices.
    assert clock.progress("before", 2, 10).seconds_left == pytest.approx(2.0 * (8 + 5 * 48 + 10))


def test_a_step_that_was_timed_is_believed_and_slices_after_are_as_before(clock):
    clock.progress("before", 0, 10)
    clock.now = 10.0
    clock.progress("before", 10, 10)
    clock.progress("adapt", 1, 5)
    clock.now = 13.0
    assert clock.progress("adapt", 2, 5).seconds_left == pytest.approx(3 * 3.0 + 10 * 1.0)


def test_a_stage_that_was_not_planned_adds_what_is_still_to_come(clock):
    clock.progress("before", 0, 10)
    clock.now = 10.0
    clock.progress("before", 10, 10)
    progress = clock.progress("guard", 1, 3)
    assert (progress.stage, progress.done, progress.total) == ("guard", 1, 3)
    assert progress.seconds_left == 0.0


def test_the_end_is_no_time_away(clock):
    clock.progress("after", 0, 10)
    clock.now = 1.0
    assert clock.progress("after", 10, 10).seconds_left == 0.0
