from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch

from napari_osuda.errors import OutputError
from napari_osuda.method import adapt, preset
from napari_osuda.session import Before, Finished, Progress, Started, Step, adapt_case
from napari_osuda.session.api import make_job
from napari_osuda.session.run.run import Run
from napari_osuda.session.run_folder.checkpoint import Checkpoint, saved_states
from napari_osuda.session.run_folder.saved_state import read_state

CONFIG = preset("osuda", iterations=6, batch_size=4, learning_rate=1e-3)


def cut_off(run: Run, where) -> None:
    """Walk away from a run at the first event that ``where`` holds of."""
    events = iter(run)
    for event in events:
        if where(event):
            break
    events.close()


@pytest.fixture
def interrupted(model, case, tmp_path):
    """A run that was left after its third iteration."""
    out = tmp_path / "run"
    cut_off(Run(make_job(model, case, CONFIG, out=out)), lambda e: isinstance(e, Step) and e.report.t == 2)
    assert read_state(saved_states(out)[0]).t == 3
    return out


def newest(out) -> int:
    return read_state(saved_states(out)[0]).t


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


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"normalisation": "zscore"}, "normalisation of the model card was zscore_nonzero, now it is zscore"),
        ({"orientation": "LPS"}, "orientation of the model card"),
        ({"interpolation": "cubic"}, "interpolation of the model card"),
    ],
)
def test_a_changed_card_is_named_and_refused(model, case, interrupted, change, named):
    other = dataclasses.replace(model, card=model.card.model_copy(update=change))
    for name in ("job.json", None):
        if name is None:
            # As if somebody had changed the record to fit: the state itself knows what it is of.
            path = interrupted / "checkpoint" / "job.json"
            record = json.loads(path.read_text())
            record["card"] |= change
            path.write_text(json.dumps(record))
        with pytest.raises(OutputError, match=named):
            adapt_case(other, case, CONFIG, out=interrupted, resume=True)
    assert newest(interrupted) == 3


def test_what_people_read_in_a_card_may_change(model, case, interrupted):
    told = {"name": "Another name", "license": "MIT"}
    other = dataclasses.replace(model, card=model.card.model_copy(update=told))
    assert adapt_case(other, case, CONFIG, out=interrupted, resume=True).outcome == "done"


def hostile_states(good: dict) -> dict[str, object]:
    longer = {**good, "t": 10**12}
    shape = {**good, "model": {k: torch.zeros(1) for k in good["model"]}}
    return {
        "nothing": None, "a list": [], "no keys": {}, "huge t": longer, "other shapes": shape,
        "lists for dicts": {**good, "model": [1, 2]}, "reports": {**good, "reports": "none"},
        "a step too few": {**good, "reports": good["reports"][:-1]},
        "optimizer": {**good, "optimizer": {"state": [], "param_groups": {}}},
        "watched": {**good, "watched": {"kept": {}}}, "memory": {**good, "memory": {"a": 1}},
        "identity": {**good, "identity": "[" * 100_000},
        "another run": {**good, "identity": json.dumps({"model": 1})},
        "text t": {**good, "t": "3"},
    }  # fmt: skip


def test_a_state_that_is_none_gets_a_sentence_and_changes_nothing(model, case, interrupted):
    (path,) = saved_states(interrupted)[:1]
    good = torch.load(path, weights_only=True)
    for before in saved_states(interrupted)[1:]:
        before.unlink()
    for name, state in hostile_states(good).items():
        torch.save(state, path)
        held = path.read_bytes()
        with pytest.raises(OutputError, match="cannot be resumed") as caught:
            adapt_case(model, case, CONFIG, out=interrupted, resume=True)
        assert path.read_bytes() == held, name
        assert str(interrupted) in str(caught.value)
    for junk in (b"", b"junk", b"PK\x03\x04" + bytes(100), bytes(1000)):
        path.write_bytes(junk)
        with pytest.raises(OutputError, match="cannot be resumed"):
            adapt_case(model, case, CONFIG, out=interrupted, resume=True)


def test_a_state_goes_back_and_forth_to_the_bit(model, case, tmp_path):
    job = make_job(model, case, CONFIG, out=tmp_path / "run")
    batches = [torch.randn(2, 1, 32, 32) for _ in range(2)]
    first = adapt(model.network, batches, CONFIG)
    reports = [next(first), next(first)]
    Checkpoint(job).save(first, reports, None)
    second = adapt(model.network, batches, CONFIG)
    again, watched = Checkpoint(dataclasses.replace(job, resume=True)).restore(second)
    assert watched is None
    for a, b in zip(reports, again, strict=True):
        assert (a.t, a.loss) == (b.t, b.loss)
        np.testing.assert_array_equal(a.distance, b.distance)
    assert next(first).loss == next(second).loss


def test_a_folder_that_was_deleted_during_the_run_is_a_failure(model, case, tmp_path):
    out = tmp_path / "run"
    for event in Run(make_job(model, case, CONFIG, out=out)):
        if isinstance(event, Step) and event.report.t == 1:
            shutil.rmtree(out)
    assert isinstance(event, Finished)
    assert event.result.outcome == "failed"
    assert "deleted or changed during the run" in event.result.error
    assert (out / "before" / "patient.nii.gz").is_file()
