from __future__ import annotations

import json

import numpy as np
import pytest

from napari_osuda.evaluation import normalized_entropy
from napari_osuda.imaging import SliceStack, read_volume
from napari_osuda.method import preset
from napari_osuda.session import adapt_case
from napari_osuda.session.inference.case_slices import slice_spec
from napari_osuda.session.inference.confidence import Confidence
from napari_osuda.session.inference.prediction import predicted


@pytest.fixture
def stack(case, model):
    return SliceStack(case, slice_spec(model.card))


def test_uncertainty_lies_where_the_probabilities_do(stack, model):
    sure = Confidence(stack, model.card, None)
    rng = np.random.default_rng(0)
    p = rng.dirichlet((1, 1), (2, *stack.plane_shape)).transpose(0, 3, 1, 2).astype(np.float32)
    sure(np.array([1, 4]), p)
    shown = stack.stacked(sure.uncertainty)
    np.testing.assert_allclose(shown[4], normalized_entropy(p[1]), atol=1e-3)
    assert not shown[0].any()
    assert sure.calibration is None


def test_calibration_counts_the_head_and_knows_the_true_class(stack, model, reference):
    sure = Confidence(stack, model.card, reference)
    truth = stack.stacked(reference) != 0
    for index in range(len(stack)):
        p = np.where(truth[index], 0.8, 0.1)
        sure(np.array([index]), np.stack([1 - p, p])[None].astype(np.float32))
    found = sure.calibration
    assert found.voxels == (stack.case.data[0] != 0).sum()
    share = truth[stack.stacked(stack.case.data[0]) != 0].mean()
    # Always right: what is missing is the confidence.
    assert found.ece == pytest.approx(0.2 * share + 0.1 * (1 - share), abs=1e-5)
    assert found.overconfidence == pytest.approx(-found.ece, abs=1e-6)


def test_values_that_the_model_does_not_know_are_left_out(stack, model, reference):
    other = reference.copy()
    other[reference == 3] = 2
    known, unknown = Confidence(stack, model.card, reference), Confidence(stack, model.card, other)
    for sure in (known, unknown):
        for _ in predicted(model.network, stack, model.card, watch=sure):
            pass
    inside = (reference == 3) & (stack.case.data[0] != 0)
    assert known.calibration.voxels - unknown.calibration.voxels == inside.sum() > 0


def test_a_run_keeps_its_doubt_and_its_calibration(model, case, reference, tmp_path):
    config = preset("osuda", iterations=2, batch_size=4)
    result = adapt_case(model, case, config, references=[reference], out=tmp_path / "run")
    doubt = result.cases[0].uncertainty
    assert 0 < doubt.max() <= 1
    assert not doubt[..., 0].any(), "a slice without any voxel is no question"
    kept = read_volume(tmp_path / "run" / "uncertainty" / "patient.nii.gz").data
    np.testing.assert_allclose(kept, doubt, atol=0.01)
    record = json.loads((tmp_path / "run" / "run.json").read_text())["cases"][0]
    for which in ("before", "after"):
        assert 0 < record[f"calibration_{which}"]["ece"] < 1
        assert 0 < record[f"calibration_{which}"]["brier"] < 2
    assert "expected calibration error" in (tmp_path / "run" / "report.html").read_text()


def test_without_a_reference_no_calibration_is_claimed(model, case, tmp_path):
    adapt_case(model, case, preset("osuda", iterations=1, batch_size=4), out=tmp_path / "run")
    record = json.loads((tmp_path / "run" / "run.json").read_text())["cases"][0]
    assert record["calibration_after"] is None
    assert "expected calibration error" not in (tmp_path / "run" / "report.html").read_text()
