from __future__ import annotations

import csv
import json
import shutil

import nibabel as nib
import numpy as np
import pytest
from checkpoint_parts import CONFIG
from run_parts import SHORT, files
from session_parts import AFFINE

from napari_osuda.models import load_model
from napari_osuda.session import (
    Finished,
    Step,
    adapt_case,
    predict_case,
)
from napari_osuda.session.api import make_job
from napari_osuda.session.run.run import Run
from napari_osuda.session.run_folder.record import read_record


def test_the_run_folder_is_as_the_contract_says(model, case, reference, tmp_path):
    out = tmp_path / "run"
    result = adapt_case(model, case, SHORT, references=[reference], out=out)
    assert files(out) >= {
        "run.json", "steps.csv", "channels.npz", "report.html", "before/patient.nii.gz",
        "after/patient.nii.gz", "model/bioimageio.yaml", "model/weights.pt",
    }  # fmt: skip
    assert not (out / "checkpoint").exists()

    record = json.loads((out / "run.json").read_text())
    assert record["outcome"] == "done"
    assert record["recommendation"]["decision"] in ("accept", "keep-source", "neither")
    signals = record["cases"][0]["recommendation"]["signals"]
    figures = signals["figures"]
    assert figures["source"].keys() == figures["adapted"].keys() >= {"all labels"}
    assert 0 <= figures["adapted"]["all labels"]["steady"] <= 1
    expected = record["recommendation"]["regions"]["all labels"]["expected_dice_before"]
    assert 0 <= expected["low"] <= expected["dice"] <= expected["high"] <= 1
    assert record["config"]["iterations"] == 4
    assert record["model"]["sha256"] == model.sha256
    assert len(record["cases"][0]["inputs"][0]["sha256"]) == 64
    np.testing.assert_allclose(record["cases"][0]["inputs"][0]["affine"], AFFINE)
    assert record["cases"][0]["scores_after"]["WT"]["dice"] == result.cases[0].scores_after[0].dice

    with open(out / "steps.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(r["t"]) for r in rows] == [0, 1, 2, 3]
    assert {"eta", "lambda", "l_hbs", "l_se", "loss", "mean_distance", "entropy_nats", "fraction_0",
            "fraction_3", "seconds"} <= set(rows[0])  # fmt: skip

    channels = np.load(out / "channels.npz")
    total = sum(layer.channels for layer in result.layers)
    assert channels["distance"].shape == channels["alpha"].shape == (4, total)
    assert channels["distance"].dtype == np.float32
    assert channels["layer_offsets"].tolist() == [*(la.offset for la in result.layers), total]
    np.testing.assert_allclose(channels["alpha"].mean(axis=1), 1, atol=1e-6)

    for name in ("before", "after"):
        mask = nib.load(out / name / "patient.nii.gz")
        np.testing.assert_allclose(mask.affine, AFFINE)
        assert mask.shape == case.grid.shape
        assert set(np.unique(mask.dataobj)) <= {0, 3}
    assert "not a medical device" in (out / "report.html").read_text().lower()


def test_the_saved_model_gives_the_saved_mask(model, case, tmp_path):
    adapt_case(model, case, SHORT, out=tmp_path / "run")
    again = predict_case(load_model(tmp_path / "run" / "model"), case)
    saved = np.asarray(nib.load(tmp_path / "run" / "after" / "patient.nii.gz").dataobj)
    np.testing.assert_array_equal(again, saved)


@pytest.mark.parametrize("method", ["intent", "vptta", "muvi"])
def test_a_method_that_adapts_as_it_predicts_gives_masks_and_says_that_there_is_no_model(
    model, case, tmp_path, method
):
    result = adapt_case(model, case, method=method, out=tmp_path / "run")
    assert result.cases[0].after.any()
    assert not result.has_model
    assert not (tmp_path / "run" / "model").exists()
    assert any("no model to save" in note for note in read_record(tmp_path / "run").notes)


def test_a_folder_that_was_deleted_during_the_run_is_a_failure(model, case, tmp_path):
    out = tmp_path / "run"
    for event in Run(make_job(model, case, CONFIG, out=out)):
        if isinstance(event, Step) and event.report.t == 1:
            shutil.rmtree(out)
    assert isinstance(event, Finished)
    assert event.result.outcome == "failed"
    assert "deleted or changed during the run" in event.result.error
    assert (out / "before" / "patient.nii.gz").is_file()
