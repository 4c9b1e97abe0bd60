from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from napari_osuda.benchmark.real.decathlon import find_hippocampi, hippocampus_patient
from napari_osuda.errors import CaseError


def test_both_layouts_are_found_with_what_has_a_reference(hippocampus_root):
    (hippocampus_root / "imagesTr" / "._hippocampus_001.nii.gz").write_bytes(b"mac")
    (hippocampus_root / "labelsTr" / "hippocampus_006.nii.gz").unlink()
    names = [f"hippocampus_{n:03d}" for n in range(1, 6)]
    assert [case.name for case in find_hippocampi(hippocampus_root)] == names
    assert [case.name for case in find_hippocampi(hippocampus_root.parent)] == names
    (hippocampus_root / "imagesTr").rename(hippocampus_root / "images")
    (hippocampus_root / "labelsTr").rename(hippocampus_root / "labels")
    assert [case.name for case in find_hippocampi(hippocampus_root)] == names


def test_a_patient_is_the_image_and_its_reference(hippocampus_root):
    patient = hippocampus_patient(find_hippocampi(hippocampus_root)[0], {"T1": "T1"})
    assert patient.case.channels == ("T1",)
    assert set(np.unique(patient.reference)) == {0, 1, 2}
    assert patient.case.data.shape[1:] == patient.reference.shape


def test_what_does_not_fit_is_told(hippocampus_root):
    labels = hippocampus_root / "labelsTr" / "hippocampus_001.nii.gz"
    nib.save(nib.Nifti1Image(np.full((20, 30, 18), 7, np.uint8), np.eye(4)), labels)
    with pytest.raises(CaseError, match="has the label 7"):
        hippocampus_patient(find_hippocampi(hippocampus_root)[0], {"T1": "T1"})
    nib.save(nib.Nifti1Image(np.zeros((20, 30, 17), np.uint8), np.eye(4)), labels)
    with pytest.raises(CaseError, match="hippocampus_001"):
        hippocampus_patient(find_hippocampi(hippocampus_root)[0], {"T1": "T1"})
    with pytest.raises(CaseError, match="There is no folder"):
        find_hippocampi(hippocampus_root / "nowhere")
    with pytest.raises(CaseError, match="no hippocampus with a reference"):
        find_hippocampi(hippocampus_root / "imagesTr")
