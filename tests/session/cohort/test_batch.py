from __future__ import annotations

import json
from pathlib import Path

import pytest
from bids_parts import write_bids

from napari_osuda.method import AdaptationConfig
from napari_osuda.models import write_model_folder
from napari_osuda.models.loading import load_model
from napari_osuda.session.cohort.batch import Batch, SavedBatch, go_through, read_progress
from napari_osuda.session.cohort.patients import patients_in
from napari_osuda.session.cohort.record import CaseOutcome, JobOutcome, Outcomes
from napari_osuda.session.run_folder.documents import now
from napari_osuda.session.run_folder.record import AdviceRecord

SHORT = AdaptationConfig(iterations=2, batch_size=2, contrast="off", guard=False)


@pytest.fixture
def batch(tmp_path, model):
    folder = write_bids(tmp_path / "patients", ["01", "02"])
    stored = load_model(write_model_folder(tmp_path / "model", model.network, model.card))
    return Batch.of(folder, tmp_path / "out", stored, SHORT, "osuda", "cpu")


def test_what_was_left_goes_on_with_the_same_settings(batch, tmp_path):
    saved = SavedBatch(tmp_path / "settings")
    assert saved.read() is None
    saved.keep(batch)
    again = SavedBatch(tmp_path / "settings").read()
    assert again == batch
    assert again.config == SHORT
    # Left in the run of the first patient.
    asked = iter([False] * 6)
    told = list(go_through(again, lambda: next(asked, True)))
    assert (told[-1].done, told[-1].open) == (0, 2)
    assert not told[-1].failed
    told = list(go_through(again, lambda: False))
    assert [one.now for one in told] == ["sub-01", "sub-02", ""]
    assert (told[-1].done, told[-1].open, told[-1].total) == (2, 0, 2)
    assert "resumed" in (Path(batch.out) / "runs" / "sub-01" / "run.log").read_text()
    assert told[-1].report.is_file()
    assert (Path(batch.out) / "runs" / "sub-02" / "report.html").is_file()
    assert read_progress(again).done == 2
    saved.forget(batch.model_copy(update={"method": "tent"}))
    assert saved.read() == batch
    saved.forget(batch)
    assert saved.read() is None


def test_a_patient_who_fails_stops_nobody_and_is_named(batch):
    image = next(Path(batch.folder, "sub-01").rglob("*.nii.gz"))
    image.write_bytes(image.read_bytes()[:300])
    *_, last = go_through(batch, lambda: False)
    assert (last.done, last.open) == (1, 0)
    ((name, why),) = last.failed
    assert name == "sub-01"
    assert image.name in why


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"format": 9})])
def test_a_damaged_memory_is_none(tmp_path, text):
    saved = SavedBatch(tmp_path)
    saved.path.write_text(text)
    assert saved.read() is None


@pytest.mark.parametrize("contrast", ["names", "off"])
def test_another_contrast_is_adapted_to_as_in_the_panel_and_told_of_each_patient(tmp_path, model, contrast):
    folder = write_bids(tmp_path / "patients", ["01"], contrast="FLAIR")
    write_bids(folder, ["02"])
    stored = load_model(write_model_folder(tmp_path / "model", model.network, model.card))
    config = SHORT.replace(contrast=contrast)
    batch = Batch.of(folder, tmp_path / "out", stored, config, "osuda", "cpu")
    *_, last = go_through(batch, lambda: False)
    assert (last.done, last.failed) == (2, ())
    outcomes, jobs = Outcomes(Path(batch.out)), {job.name: job for job in patients_in(folder)}
    (other,), (own,) = (outcomes.of(jobs[name]).cases for name in ("sub-01", "sub-02"))
    assert (other.substituted, other.converted) == ({"t2": "flair"}, contrast == "names")
    assert (own.substituted, own.converted) == ({}, None)
    page = last.report.read_text(encoding="utf-8")
    assert f"FLAIR as T2, {'converted' if contrast == 'names' else 'as it is'}" in page
    assert "t2=flair" in (Path(batch.out) / "results.tsv").read_text(encoding="utf-8")
    record = (Path(batch.out) / "runs" / "sub-01" / "run.json").read_text(encoding="utf-8")
    assert ("FLAIR is used in place of T2" in record) == (contrast == "names")


@pytest.mark.parametrize(("decision", "named"), [("neither", ("sub-01",)), ("accept", ()), (None, ())])
def test_patients_of_whom_neither_mask_is_recommended_are_named(batch, decision, named):
    job, outcomes = patients_in(Path(batch.folder))[0], Outcomes(Path(batch.out))
    advice = None if decision is None else AdviceRecord(decision=decision)
    case = CaseOutcome(name=job.name, participant="01", recommendation=advice)
    for state in ("failed", "done"):
        outcome = JobOutcome(name=job.name, state=state, error="left", ended=now(), cases=(case,))
        outcomes.write(job, outcome)
        assert read_progress(batch).neither == (named if state == "done" else ())
