from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from bids_parts import write_bids

from napari_osuda.session.cohort.patients import patients_in
from napari_osuda.session.cohort.stand_ins import stand_ins


@pytest.fixture
def folder(tmp_path):
    """Two patients with FLAIR, one with T2, and one with nothing that a model could take."""
    write_bids(tmp_path / "bids", ["01", "02"], contrast="FLAIR")
    write_bids(tmp_path / "bids", ["03"])
    (tmp_path / "bids" / "sub-04").mkdir()
    return tmp_path / "bids"


def test_patients_with_another_contrast_are_named(folder):
    assert stand_ins(patients_in(folder), ("t2",)) == {"flair": ("sub-01", "sub-02")}
    assert stand_ins(patients_in(folder), ("flair",)) == {"t2": ("sub-03",)}


def test_a_model_of_several_channels_takes_no_other_contrast(folder):
    assert stand_ins(patients_in(folder), ("t2", "flair")) == {}


def test_a_name_that_says_nothing_is_no_other_contrast(tmp_path):
    (tmp_path / "Adam").mkdir()
    nib.save(nib.Nifti1Image(np.ones((3, 4, 5), np.float32), np.eye(4)), tmp_path / "Adam" / "scan.nii.gz")
    assert stand_ins(patients_in(tmp_path), ("t2",)) == {}
