from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
from dicom_parts import write_series
from session_parts import AFFINE, head

from napari_osuda.imaging import read_case
from napari_osuda.session.cohort.segmentation import write_segmentation


@pytest.fixture
def case(tmp_path):
    image, _ = head(shape=(24, 26, 5))
    data = np.round(100 * image / max(abs(image).max(), 1e-6)).astype(np.int16)
    write_series(tmp_path / "patient" / "t2", data, AFFINE)
    return read_case(tmp_path / "patient", ("t2",))


def result_of(case, decision):
    before, after = np.zeros(case.grid.shape, np.uint8), np.zeros(case.grid.shape, np.uint8)
    before[4:8, 4:8, 1] = after[10:18, 10:18, 2:4] = 1
    advice = None if decision is None else SimpleNamespace(decision=decision)
    return SimpleNamespace(case=case, before=before, after=after, recommendation=advice)


@pytest.mark.parametrize(("decision", "frames"), [("accept", 2), ("keep-source", 1), (None, 2)])
def test_the_recommended_mask_is_written_as_dicom(case, model, tmp_path, decision, frames):
    path = write_segmentation(result_of(case, decision), model, tmp_path)
    assert path == tmp_path / f"{case.name}-seg.dcm"
    assert int(pydicom.dcmread(path).NumberOfFrames) == frames


def test_where_neither_mask_is_recommended_none_is_left(case, model, tmp_path):
    write_segmentation(result_of(case, "accept"), model, tmp_path)
    assert write_segmentation(result_of(case, "neither"), model, tmp_path) is None
    assert not list(tmp_path.glob("*.dcm"))
