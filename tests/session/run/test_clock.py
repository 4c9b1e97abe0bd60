from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_osuda.session.events import Progress
from napari_osuda.session.run import clock as clock_module
from napari_osuda.session.run.clock import Clock


def run_of(
    clock: Clock, slices: int, steps: int, batches: int, looks: int, cost: dict[str, float], now: list[float]
) -> Iterator[Progress]:
    """A run with a guard that compares with earlier networks, on a clock that stands still in between."""
    stages = [("before", slices), ("adapt", steps), *[("statistics", batches)] * 4,
              ("guard", looks * slices), ("after", slices)]  # fmt: skip
    for stage, total in stages:
        each = cost[stage] * (slices / batches if stage == "statistics" else 1)
        for done in range(1, total + 1):
            now[0] += each
            yield clock.progress(stage, done, total)


@settings(deadline=None, max_examples=60)
@given(
    slices=st.integers(20, 80), steps=st.integers(10, 60), batch=st.integers(4, 16),
    looks=st.integers(2, 12), forward=st.floats(0.01, 1), step=st.floats(1.5, 60),
    unlike=st.tuples(st.floats(0.8, 1.25), st.floats(0.75, 1.3), st.floats(1.6, 2.5)),
)  # fmt: skip
def test_the_time_left_is_right_to_a_factor_of_one_and_a_half(
    slices, steps, batch, looks, forward, step, unlike
):
    now, clock = [100.0], Clock()
    cost = {"before": forward, "adapt": forward * step}
    cost |= dict(zip(("statistics", "guard", "after"), (forward * u for u in unlike), strict=True))
    clock.plan(slices=slices, steps=steps, batch=batch, passes=4, looks=looks * slices, mirrored=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock_module.time, "monotonic", lambda: now[0])
        batches = -(-slices // batch)
        told = [(now[0], p) for p in run_of(clock, slices, steps, batches, looks, cost, now)]
    end, began = now[0], told[0][0]
    for at, progress in told:
        timed = progress.stage != "before" and not (progress.stage == "adapt" and progress.done < 3)
        # The last few seconds are "a few seconds left", whatever the figure.
        if timed and end - at > 0.03 * (end - began):
            assert progress.seconds_left is not None
            ratio = progress.seconds_left / (end - at)
            assert 1 / 1.5 <= ratio <= 1.5, (progress, ratio)


@pytest.mark.parametrize("patient", ["ms", "lgg"])
def test_the_time_left_of_real_runs_is_right_to_a_factor_of_one_and_a_half(patient, monkeypatch):
    """The seconds that one core took for each part of a run: four contrasts of MS, and FLAIR of a glioma."""
    path = Path(__file__).with_name("recorded_times.json")
    run = json.loads(path.read_text(encoding="utf-8"))[patient]
    now, clock = [0.0], Clock()
    monkeypatch.setattr(clock_module.time, "monotonic", lambda: now[0])
    plan = {key: run[key] for key in ("slices", "steps", "batch", "passes", "looks")}
    clock.plan(**plan, written=True)
    *reports, (_, _, _, end) = run["reports"]
    began, judged = reports[0][3], 0
    for stage, done, total, at in reports:
        now[0] = at
        if stage == "writing":
            continue
        left = clock.progress(stage, done, total).seconds_left
        # The end is "a few seconds left", whatever the figure; of these runs that is a tenth.
        if left is not None and end - at > 0.1 * (end - began):
            judged += 1
            assert 1 / 1.5 <= left / (end - at) <= 1.5, (stage, done, left, end - at)
    assert judged > 30


def test_nothing_is_said_before_anything_is_known():
    clock = Clock()
    clock.plan(slices=10, steps=5, batch=16, passes=1, looks=0)
    assert clock.progress("before", 0, 10).seconds_left is None
    assert clock.progress("writing", 0, 1).seconds_left is None


@pytest.fixture
def clock(monkeypatch):
    """A clock whose seconds are told it."""
    found = Clock()
    found.now = 0.0
    monkeypatch.setattr(clock_module.time, "monotonic", lambda: found.now)
    found.plan(slices=10, steps=5, batch=16, passes=1, looks=0, mirrored=True)
    return found


def test_nothing_is_known_before_something_was_timed(clock):
    assert clock.progress("before", 0, 10).seconds_left is None


def test_what_is_left_is_at_the_pace_of_what_was(clock):
    clock.progress("before", 0, 10)
    clock.now = 4.0
    # 2 s a slice, a step 48 slices: 8 slices, 5 steps, the statistics of 10, and 10 mirrored.
    assert clock.progress("before", 2, 10).seconds_left == pytest.approx(2.0 * (8 + 5 * 48 + 10 + 20))


def test_a_step_that_was_timed_is_believed_and_slices_after_are_as_before(clock):
    clock.progress("before", 0, 10)
    clock.now = 10.0
    clock.progress("before", 10, 10)
    clock.progress("adapt", 1, 5)
    clock.now = 13.0
    assert clock.progress("adapt", 2, 5).seconds_left == pytest.approx(3 * 3.0 + 10 * 1.0 + 20 * 1.0)


def test_a_stage_that_is_longer_than_planned_is_believed(clock):
    clock.progress("before", 0, 10)
    clock.now = 10.0
    clock.progress("before", 10, 10)
    progress = clock.progress("guard", 1, 3)
    assert (progress.stage, progress.done, progress.total) == ("guard", 1, 3)
    assert progress.seconds_left == pytest.approx(2 * 1.0 + 20)


def test_the_end_is_no_time_away(clock):
    clock.progress("after", 0, 10)
    clock.now = 1.0
    assert clock.progress("after", 10, 10).seconds_left == 0.0
