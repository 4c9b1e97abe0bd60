from __future__ import annotations

import dataclasses
import json

import nibabel as nib
import numpy as np
import pytest
from dicom_parts import write_series

from napari_osuda.errors import OutputError
from napari_osuda.imaging import read_case
from napari_osuda.method import preset
from napari_osuda.models import load_model
from napari_osuda.session import Step, adapt_case, find_unfinished, predict_case
from napari_osuda.session.advice import ReasonKind
from napari_osuda.session.api import make_job
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.session.run.run import Run

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
    assert result.intensity_maps == ("inverted",)
    assert result.cases[0].recommendation.signals["contrast"] == "converted"
    assert any(
        "T1 is used in place of T2, so bright and dark are exchanged" in note.text for note in result.notes
    )
    # The saved model gives the saved mask: the map went with it.
    saved = load_model(tmp_path / "run" / "model")
    assert saved.card.intensity_maps == ("inverted",)
    np.testing.assert_array_equal(predict_case(saved, turned), result.cases[0].after)
    # Adapted once more, it is not turned twice.
    again = adapt_case(saved, turned, SHORT, references=[reference])
    assert again.intensity_maps is None
    assert again.cases[0].scores_before[0].dice == result.cases[0].scores_after[0].dice


def test_off_is_the_paper(model, turned, reference):
    result = adapt_case(model, turned, SHORT.replace(contrast="off"), references=[reference])
    assert result.intensity_maps is None
    assert result.cases[0].scores_after[0].dice < 0.8
    assert result.cases[0].recommendation.signals["contrast"] == "unchanged"


@pytest.fixture
def series(turned, tmp_path):
    """The turned image as a scanner's series, whose files' names say nothing."""
    write_series(
        tmp_path / "export", turned.data[0].round().astype(np.int16), turned.grid.affine, description="Ax T1"
    )
    return read_case(tmp_path / "export", ["t2"])


def called(case, title):
    """The case as of a viewer's layer that came from no file."""
    sources = tuple(dataclasses.replace(s, path=None, sha256=None, title=title) for s in case.sources)
    return dataclasses.replace(case, sources=sources)


def test_a_dicom_series_is_the_contrast_that_it_is_described_as(model, series, tmp_path):
    result = adapt_case(model, series, SHORT, out=tmp_path / "run")
    assert result.intensity_maps == ("inverted",)
    assert any("T1 is used in place of T2" in note.text for note in result.notes)
    assert "T1 as t2" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    left = adapt_case(model, series, SHORT.replace(contrast="off"))
    assert left.cases[0].recommendation.signals["contrast"] == "unchanged"


def test_a_layer_without_a_file_is_the_contrast_that_it_is_called(model, turned):
    assert adapt_case(model, called(turned, "T1 axial"), SHORT).intensity_maps == ("inverted",)
    by_name = adapt_case(model, called(turned, "patient 7"), SHORT.replace(contrast="names"))
    assert by_name.intensity_maps is None
    assert any("'patient 7' does not say which contrast it is" in note.text for note in by_name.notes)


def test_cases_of_different_contrasts_are_left_and_told(model, case, turned):
    result = adapt_case(model, [case, turned], SHORT)
    assert result.intensity_maps is None
    assert any("are of different contrasts" in note.text for note in result.notes)
    assert [c.recommendation.signals["contrast"] for c in result.cases] == [None, "unchanged"]


def test_the_map_alone_is_a_method(model, turned, reference):
    result = adapt_case(model, turned, method="contrast-only", references=[reference])
    assert not result.reports
    assert result.cases[0].scores_after[0].dice > result.cases[0].scores_before[0].dice + 0.2
    assert result.cases[0].recommendation is not None
    assert result.cases[0].recommendation.reasons[0].kind != ReasonKind.UNCHANGED


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
    assert any("The name says T1, but the model's mask" in note.text for note in result.notes)
    np.testing.assert_array_equal(result.cases[0].before, adapt_case(model, case, SHORT).cases[0].before)


def test_a_turned_image_without_a_name_is_told_and_left(model, turned, tmp_path):
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(turned.sources[0].path.read_bytes())
    unnamed = read_case({"t2": path}, ["t2"])
    result = adapt_case(model, unnamed, SHORT.replace(contrast="names"))
    assert result.intensity_maps is None
    assert any("'scan.nii.gz' does not say which contrast it is" in note.text for note in result.notes)
    # What the sentence advises works.
    advised = adapt_case(model, unnamed, SHORT.replace(contrast="inverted"))
    assert advised.intensity_maps == ("inverted",)
    np.testing.assert_array_equal(advised.cases[0].after, adapt_case(model, turned, SHORT).cases[0].after)


def test_an_image_without_a_name_that_fits_needs_no_word(model, patient, tmp_path):
    assert not adapt_case(model, renamed(patient, tmp_path, "scan.nii.gz"), SHORT).notes


def test_a_resumed_run_sees_the_contrast_that_its_image_was_called(model, turned, tmp_path):
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(turned.sources[0].path.read_bytes())
    scan = read_case(path, ["t2"])
    layer = dataclasses.replace(scan, sources=(dataclasses.replace(scan.sources[0], title="T1 axial"),))
    out = tmp_path / "runs" / "run"
    run = Run(make_job(model, layer, SHORT, out=out))
    for event in run:
        if isinstance(event, Step):
            run.stop()
    with pytest.raises(OutputError, match=r"contrasts was \[\['t1'\]\]"):
        adapt_case(model, scan, SHORT, out=out, resume=True)
    (left,) = find_unfinished(tmp_path / "runs")
    result = list(Run(left.job()))[-1].result
    assert result.intensity_maps == ("inverted",)
    np.testing.assert_array_equal(result.cases[0].after, adapt_case(model, layer, SHORT).cases[0].after)
    record = json.loads((out / "run.json").read_text())
    assert record["cases"][0]["inputs"][0]["title"] == "T1 axial"
    # Opened again it is called the same, so the next run takes it for the same.
    for review in (ReviewRun.of_folder(out), ReviewRun.of_result(result)):
        assert [image.title for image in review.images("scan")[0]] == ["T1 axial"]
