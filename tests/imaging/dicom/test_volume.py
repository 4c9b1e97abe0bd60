from __future__ import annotations

import pydicom
import pytest
from dicom_parts import rewrite

from napari_osuda.errors import CaseError
from napari_osuda.imaging import read_volume


def test_a_file_of_the_series_that_does_not_say_where_it_lies_is_not_left_out(series):
    rewrite(series[2], ImagePositionPatient=None)
    with pytest.raises(CaseError, match="does not say where its slices lie"):
        read_volume(series[0])


def test_a_patient_who_moved_between_parts_of_a_series_is_refused(series):
    rewrite(series[5], FrameOfReferenceUID=pydicom.uid.generate_uid())
    with pytest.raises(CaseError, match="different frames of reference"):
        read_volume(series[0])


def test_a_slice_of_another_patient_in_the_series_is_refused(series):
    rewrite(series[5], PatientID="another")
    with pytest.raises(CaseError, match="not of one patient"):
        read_volume(series[0])


def test_a_slice_that_does_not_name_its_patient_is_of_the_same(series):
    rewrite(series[5], PatientID="")
    assert read_volume(series[0]).data.ndim == 3
