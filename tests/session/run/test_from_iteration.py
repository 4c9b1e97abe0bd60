from __future__ import annotations

import json

import nibabel as nib
import numpy as np
from timeline_parts import CONFIG, finished, same

from napari_osuda.models import load_model
from napari_osuda.session import NoteKind, RunFromIteration, Step, predict_case
from napari_osuda.session.api import make_job
from napari_osuda.session.run.run import Run


def test_using_an_iteration_gives_the_run_that_was_stopped_there(model, case, reference, tmp_path):
    stopped = Run(make_job(model, case, CONFIG, references=[reference]))
    for event in stopped:
        if isinstance(event, Step) and event.report.t == 2:
            stopped.stop()
    expected = event.result

    out = tmp_path / "run"
    run = Run(make_job(model, case, CONFIG, references=[reference], out=out), keep_states=True)
    whole = finished(run)
    last = nib.load(out / "after" / "patient.nii.gz").get_fdata()
    chosen = finished(RunFromIteration(whole, run.timeline, 3))

    assert same(chosen.network.state_dict(), expected.network.state_dict())
    np.testing.assert_array_equal(chosen.cases[0].after, expected.cases[0].after)
    assert chosen.cases[0].scores_after == expected.cases[0].scores_after
    assert chosen.recommendation == expected.recommendation
    assert (chosen.outcome, chosen.iteration, len(chosen.reports)) == ("done", 3, 6)
    # The folder tells the same, all of it.
    mask = np.asarray(nib.load(out / "after" / "patient.nii.gz").dataobj)
    np.testing.assert_array_equal(mask, chosen.cases[0].after)
    assert not np.array_equal(mask, last), "iterations 3 and 6 look alike here, so this test shows nothing"
    np.testing.assert_array_equal(predict_case(load_model(out / "model"), case), mask)
    record = json.loads((out / "run.json").read_text())
    assert (record["iterations_done"], record["iteration_used"]) == (6, 3)
    assert (record["iteration_reason"], record["note_kinds"][-1]) == ("person", "choice")
    assert record["cases"][0]["scores_after"]["WT"]["dice"] == chosen.cases[0].scores_after[0].dice
    assert "iteration 3 of 6" in record["notes"][-1]
    assert "iteration 3 of 6" in (out / "report.html").read_text()

    # And back again: nothing has been lost.
    again = finished(RunFromIteration(chosen, run.timeline, 6))
    np.testing.assert_array_equal(again.cases[0].after, whole.cases[0].after)
    assert [note.kind for note in again.notes].count(NoteKind.CHOICE) == 1


def test_a_choice_that_is_stopped_changes_nothing(model, case, tmp_path):
    out = tmp_path / "run"
    run = Run(make_job(model, case, CONFIG, out=out), keep_states=True)
    whole = finished(run)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    choice = RunFromIteration(whole, run.timeline, 2)
    choice.stop()
    assert finished(choice) is whole
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
