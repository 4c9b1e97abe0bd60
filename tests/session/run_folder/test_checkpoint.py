from __future__ import annotations

import numpy as np
import pytest
import torch
from checkpoint_parts import CONFIG, cut_off, newest

from napari_osuda.method import preset
from napari_osuda.session import Before, Progress, Started, Step, adapt_case
from napari_osuda.session.api import make_job
from napari_osuda.session.run.run import Run
from napari_osuda.session.run_folder.checkpoint import saved_states
from napari_osuda.session.run_folder.saved_state import read_state


def stage(name):
    return lambda event: isinstance(event, Progress) and event.stage == name


PHASES = {
    "started": lambda event: isinstance(event, Started),
    "segmenting": stage("before"),
    "segmented": lambda event: isinstance(event, Before),
    "a step told again": lambda event: isinstance(event, Step) and event.report.t == 1,
    "a new step": lambda event: isinstance(event, Step) and event.report.t == 4,
    "statistics": stage("statistics"),
    "after": stage("after"),
    "guard": stage("guard"),
    "writing": stage("writing"),
}


@pytest.mark.parametrize("phase", PHASES)
def test_a_resumption_that_is_cut_off_in_any_phase_loses_nothing(model, case, interrupted, phase):
    again = make_job(model, case, CONFIG, out=interrupted, resume=True)
    cut_off(Run(again), PHASES[phase])
    assert newest(interrupted) >= 3
    whole = adapt_case(model, case, CONFIG)
    resumed = adapt_case(model, case, CONFIG, out=interrupted, resume=True)
    assert [r.l_se for r in resumed.reports] == [r.l_se for r in whole.reports]
    np.testing.assert_array_equal(resumed.cases[0].after, whole.cases[0].after)


@pytest.mark.parametrize("phase", ["segmenting", "a new step", "after"])
def test_a_resumption_that_fails_in_any_phase_loses_nothing(model, case, interrupted, phase, monkeypatch):
    """As where the disk is full: nothing can be saved any more."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    events = iter(Run(make_job(model, case, CONFIG, out=interrupted, resume=True)))
    for event in events:
        if PHASES[phase](event):
            break
    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", full)
        *_, last = [events.throw(OSError(28, "No space left on device")), *events]
    assert last.result.outcome == "failed"
    assert "No space left" in last.result.error
    assert newest(interrupted) >= 3
    assert adapt_case(model, case, CONFIG, out=interrupted, resume=True).outcome == "done"


def test_the_last_two_states_are_kept_and_the_earlier_one_serves(model, case, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_osuda.session.run.iterations._CHECKPOINT_EVERY", 0.0)
    out = tmp_path / "run"
    cut_off(Run(make_job(model, case, CONFIG, out=out)), lambda e: isinstance(e, Step) and e.report.t == 3)
    assert [read_state(path).t for path in saved_states(out)] == [4, 3]
    saved_states(out)[0].write_bytes(b"")
    resumed = adapt_case(model, case, CONFIG, out=out, resume=True)
    assert "after iteration 3" in resumed.notes[0].text
    assert [r.l_se for r in resumed.reports] == [r.l_se for r in adapt_case(model, case, CONFIG).reports]


def test_a_kill_between_the_two_renames_leaves_a_state(model, case, interrupted, monkeypatch):
    (interrupted / "checkpoint" / "state.pt").rename(interrupted / "checkpoint" / "state-before.pt")
    assert adapt_case(model, case, CONFIG, out=interrupted, resume=True).outcome == "done"


def test_after_a_collapse_nothing_is_saved_over_the_last_state(model, case, tmp_path):
    config = preset("osuda", iterations=40, batch_size=4, learning_rate=0.02, class_ratio=(1.0, 0.0),
                    class_ratio_weight=100.0)  # fmt: skip
    out = tmp_path / "run"
    cut_off(Run(make_job(model, case, config, out=out)), stage("after"))
    whole = adapt_case(model, case, config)
    resumed = adapt_case(model, case, config, out=out, resume=True)
    assert (resumed.iteration, resumed.iteration_reason) == (whole.iteration, whole.iteration_reason)
    np.testing.assert_array_equal(resumed.cases[0].after, whole.cases[0].after)
