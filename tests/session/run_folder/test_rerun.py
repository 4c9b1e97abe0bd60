from __future__ import annotations

import dataclasses
import os

import nibabel as nib
import numpy as np
import pytest
from session_parts import AFFINE

from napari_osuda.errors import CaseError, ModelError
from napari_osuda.method import AdaptationConfig
from napari_osuda.session import adapt_case
from napari_osuda.session.run_folder.record import PreparationRecord
from napari_osuda.session.run_folder.rerun import Rerun, reread_case


@pytest.fixture
def run(model, case, tmp_path):
    adapt_case(model, case, AdaptationConfig(iterations=1, batch_size=2, seed=5), out=tmp_path / "run")
    return tmp_path / "run"


def test_model_cases_and_settings_of_a_run(run, model, case):
    again = Rerun.of(run / "run.json")
    assert again.config == AdaptationConfig(iterations=1, batch_size=2, seed=5)
    found = again.model()
    assert found.sha256 == model.sha256
    # As JSON has it: a list for a tuple in the arguments of the class.
    assert found.card.model_dump(mode="json") == model.card.model_dump(mode="json")
    (read,) = again.cases(model.card.channels)
    assert read.name == case.name
    np.testing.assert_array_equal(read.data, case.data)


def test_what_has_changed_since_is_refused(run, model, patient):
    image = next(patient.glob("*_t2.nii.gz"))
    changed = nib.load(image).get_fdata(dtype=np.float32) + 1
    nib.save(nib.Nifti1Image(changed, AFFINE), image)
    with pytest.raises(CaseError, match="is not the image of that run"):
        Rerun.of(run).cases(model.card.channels)
    again = Rerun.of(run)
    other = again.record.model.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(ModelError, match="is not the model of that run"):
        dataclasses.replace(again, record=again.record.model_copy(update={"model": other})).model()


def test_layers_of_a_viewer_and_other_files_are_told(run, model, tmp_path):
    again = Rerun.of(run)
    (entry,) = again.record.cases
    layers = tuple(image.model_copy(update={"path": None}) for image in entry.inputs)
    record = again.record.model_copy(update={"cases": (entry.model_copy(update={"inputs": layers}),)})
    with pytest.raises(CaseError, match="were layers of a viewer"):
        Rerun(record).cases(model.card.channels)
    with pytest.raises(CaseError, match="is not the record of a run"):
        Rerun.of(tmp_path / "steps.csv")


@pytest.mark.posix
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("missing", "brain mask of .* is not at"),
        ("pipe", "is not at"),
        ("changed", "is not the brain mask of that"),
    ],
)
def test_a_brain_mask_that_is_not_the_one_of_then_is_told(run, model, tmp_path, kind, said):
    again = Rerun.of(run)
    (entry,) = again.record.cases
    mask = tmp_path / "brain.nii.gz"
    if kind == "pipe":
        os.mkfifo(mask)
    elif kind == "changed":
        mask.write_bytes(b"another")
    then = PreparationRecord(brain_mask=str(mask), brain_mask_sha256="0" * 64)
    record = again.record.model_copy(update={"cases": (entry.model_copy(update={"preparation": then}),)})
    with pytest.raises(CaseError, match=said):
        Rerun(record).cases(model.card.channels)


def test_a_file_of_four_axes_is_read_again_whole(tmp_path):
    path = tmp_path / "both.nii.gz"
    nib.save(nib.Nifti1Image(np.random.default_rng(0).random((4, 5, 6, 2), np.float32) + 1, AFFINE), path)
    case = reread_case("both", {"t1": path, "t2": path}, {"t1": "T1 from the viewer"}, ["t1", "t2"])
    assert case.data.shape == (2, 4, 5, 6)
    assert [source.title for source in case.sources] == ["T1 from the viewer", ""]
