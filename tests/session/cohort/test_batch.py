from __future__ import annotations

import json
from pathlib import Path

import pytest
from bids_parts import write_bids

from napari_osuda.method import AdaptationConfig
from napari_osuda.models import write_model_folder
from napari_osuda.models.loading import load_model
from napari_osuda.session.cohort.batch import Batch, SavedBatch, go_through, read_progress

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
