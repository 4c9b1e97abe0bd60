from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from napari_osuda.imaging import read_case
from napari_osuda.method import preset
from napari_osuda.models import load_model
from napari_osuda.session import adapt_case, predict_case

SHORT = preset("osuda", iterations=2, batch_size=4)


@pytest.fixture
def turned(patient, tmp_path):
    """The patient's image with bright and dark exchanged, as a T1, read for the model's T2."""
    image = nib.load(patient / "patient_t2.nii.gz")
    data = np.asarray(image.dataobj)
    dark = np.where(data != 0, data.max() + 50 - data, 0).astype(np.float32)
    path = tmp_path / "patient_t1.nii.gz"
    nib.save(nib.Nifti1Image(dark, image.affine), path)
    return read_case({"t2": path}, ["t2"])


def test_a_turned_contrast_is_turned_back_and_said(model, case, turned, reference, tmp_path):
    straight = adapt_case(model, case, SHORT, references=[reference])
    result = adapt_case(model, turned, SHORT, references=[reference], out=tmp_path / "run")
    assert result.cases[0].scores_before[0].dice < straight.cases[0].scores_before[0].dice - 0.2
    np.testing.assert_allclose(
        result.cases[0].scores_after[0].dice, straight.cases[0].scores_after[0].dice, atol=0.02
    )
    assert result.intensity_maps == ("turned",)
    assert result.cases[0].recommendation.signals["contrast"] == "turned"
    assert any("T1 stands in for T2, so bright and dark are exchanged" in note for note in result.notes)
    # The saved model gives the saved mask: the map went with it.
    saved = load_model(tmp_path / "run" / "model")
    assert saved.card.intensity_maps == ("turned",)
    np.testing.assert_array_equal(predict_case(saved, turned), result.cases[0].after)
    # Adapted once more, it is not turned twice.
    again = adapt_case(saved, turned, SHORT, references=[reference])
    assert again.intensity_maps is None
    assert again.cases[0].scores_before[0].dice == result.cases[0].scores_after[0].dice


def test_off_is_the_paper(model, turned, reference):
    result = adapt_case(model, turned, SHORT.replace(contrast="off"), references=[reference])
    assert result.intensity_maps is None
    assert result.cases[0].scores_after[0].dice < 0.8
    assert result.cases[0].recommendation.signals["contrast"] == "left"


def test_cases_of_different_contrasts_are_left_and_told(model, case, turned):
    result = adapt_case(model, [case, turned], SHORT)
    assert result.intensity_maps is None
    assert any("are of different contrasts" in note for note in result.notes)
    assert [c.recommendation.signals["contrast"] for c in result.cases] == [None, "left"]


def test_the_map_alone_is_a_method(model, turned, reference):
    result = adapt_case(model, turned, method="contrast-only", references=[reference])
    assert not result.reports
    assert result.cases[0].scores_after[0].dice > result.cases[0].scores_before[0].dice + 0.2
    assert result.cases[0].recommendation is not None
    assert result.cases[0].recommendation.reasons != ("The mask is the source model's.",)


def test_where_contrasts_agree_nothing_is_mapped(model, case):
    assert adapt_case(model, case, SHORT).intensity_maps is None


def renamed(patient, tmp_path, name):
    path = tmp_path / name
    path.write_bytes((patient / "patient_t2.nii.gz").read_bytes())
    return read_case({"t2": path}, ["t2"])


def test_a_name_that_the_statistics_contradict_is_not_believed(model, case, patient, tmp_path):
    misnamed = renamed(patient, tmp_path, "patient_t1.nii.gz")
    result = adapt_case(model, misnamed, SHORT)
    assert result.intensity_maps is None
    assert result.cases[0].recommendation.signals["contrast"] is None
    assert any("The name says T1, but the image as it is fits" in note for note in result.notes)
    np.testing.assert_array_equal(result.cases[0].before, adapt_case(model, case, SHORT).cases[0].before)


def test_a_turned_image_without_a_name_is_told_and_left(model, turned, tmp_path):
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(turned.sources[0].path.read_bytes())
    unnamed = read_case({"t2": path}, ["t2"])
    result = adapt_case(model, unnamed, SHORT)
    assert result.intensity_maps is None
    assert any("'scan.nii.gz' does not say which contrast it is" in note for note in result.notes)
    # What the sentence advises works.
    advised = adapt_case(model, unnamed, SHORT.replace(contrast="turned"))
    assert advised.intensity_maps == ("turned",)
    np.testing.assert_array_equal(advised.cases[0].after, adapt_case(model, turned, SHORT).cases[0].after)


def test_an_image_without_a_name_that_fits_needs_no_word(model, patient, tmp_path):
    assert not adapt_case(model, renamed(patient, tmp_path, "scan.nii.gz"), SHORT).notes
