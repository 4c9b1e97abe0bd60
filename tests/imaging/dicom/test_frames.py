from __future__ import annotations

import shutil

import numpy as np
import pydicom
import pytest
from dicom_parts import rewrite, write_enhanced, write_series
from dicom_volume import AFFINE, SHAPE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_osuda.errors import CaseError
from napari_osuda.imaging import read_volume


def test_a_slice_beside_the_line_of_the_others_is_refused(series):
    for path in series[3:]:
        position = [float(v) for v in pydicom.dcmread(path).ImagePositionPatient]
        rewrite(path, ImagePositionPatient=[position[0] + 4, *position[1:]])
    with pytest.raises(CaseError, match="do not lie in one line"):
        read_volume(series[0])


@given(st.floats(0, 3), st.integers(1, 4), st.sampled_from([0, 1]))
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_slice_lies_where_the_affine_puts_it_or_the_series_is_refused(tmp_path, shift, moved, axis):
    shutil.rmtree(tmp_path / "s", ignore_errors=True)
    files = write_series(tmp_path / "s", np.ones(SHAPE, np.int16), AFFINE, shuffle=False)
    position = [float(v) for v in pydicom.dcmread(files[moved]).ImagePositionPatient]
    position[axis] += shift
    rewrite(files[moved], ImagePositionPatient=position)
    try:
        grid = read_volume(files[0]).grid
    except CaseError:
        return
    lps = np.diag([-1, -1, 1, 1]) @ grid.affine
    for k, path in enumerate(files):
        told = np.array([float(v) for v in pydicom.dcmread(path).ImagePositionPatient])
        assert np.linalg.norm((lps @ [0, 0, k, 1])[:3] - told) < 0.25


def test_frames_that_are_not_described_are_not_left_out(tmp_path, series, numbers):
    rewrite(series[0], NumberOfFrames=3)
    with pytest.raises(CaseError, match="3 frames and does not say"):
        read_volume(series[0])
    enhanced = tmp_path / "e" / "IM1"
    write_enhanced(enhanced, numbers, AFFINE, [0, 1, 2, 3, 4, 5])
    dataset = pydicom.dcmread(enhanced)
    del dataset.PerFrameFunctionalGroupsSequence[-1]
    dataset.save_as(enhanced)
    with pytest.raises(CaseError, match="counts 6 frames and describes 5"):
        read_volume(enhanced)
