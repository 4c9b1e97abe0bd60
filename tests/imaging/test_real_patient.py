import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_osuda.imaging import (
    SliceSpec,
    SliceStack,
    case_from_arrays,
    check_case,
    read_case,
    read_labels,
    require_same_grid,
    write_labels,
)

CHANNELS = ("flair", "t1", "t1ce", "t2")


@pytest.fixture(scope="module")
def patient():
    data = Path(os.environ.get("OSUDA_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
    folder = data / "real_ms" / "patient19"
    if not folder.is_dir():
        pytest.skip("the real patient of the MS data set is not here (OSUDA_REAL_DATA)")
    return folder


@pytest.fixture(scope="module")
def case(patient):
    return read_case(patient, CHANNELS)


def test_the_folder_is_read_as_four_contrasts_of_one_patient(case):
    assert case.name == "patient19"
    assert [s.path.name for s in case.sources] == ["FLAIR.nii.gz", "T1.nii.gz", "T1POST.nii.gz", "T2.nii.gz"]
    for channel, source in zip(case.data, case.sources, strict=True):
        np.testing.assert_array_equal(channel, np.asarray(nib.load(source.path).dataobj, np.float32))
    check_case(case)


def test_slices_outside_the_head_are_told_apart(case):
    stack = SliceStack(case, SliceSpec())
    assert 100 < stack.foreground.sum() < len(stack) == 182
    assert not stack.foreground[[0, -1]].any()


def test_a_head_lies_in_its_slices_as_a_network_trained_on_ras_expects(case):
    stack = SliceStack(case, SliceSpec(size=(128, 128), field_of_view_mm=(240.0, 240.0)))
    flair, _, _, t2 = stack.slices([80])[0]
    head = np.argwhere(t2 != 0)
    rows, columns = np.ptp(head, axis=0)
    # Rows run from left to right and columns from back to front, and a head is longer than wide.
    assert columns > 1.1 * rows
    assert abs(head[:, 0].mean() - 63.5) < 3
    # CSF is bright on T2 and dark on FLAIR.
    assert np.corrcoef(flair[t2 > 2], t2[t2 > 2])[0, 1] < 0


def test_lesions_survive_the_networks_grid_and_come_back_to_the_file(patient, case, tmp_path):
    labels, grid = read_labels(patient / "LESIONS.nii.gz")
    assert (labels > 0).sum() == 49769
    require_same_grid(case.grid, "FLAIR", grid, "LESIONS")
    one_hot = case_from_arrays("lesions", {"no": labels == 0, "yes": labels > 0}, case.grid)
    for spec, least in (
        (SliceSpec(normalization="none", step=(16, 16)), 1.0),
        (SliceSpec(normalization="none", size=(128, 128), field_of_view_mm=(240.0, 240.0)), 0.85),
    ):
        stack = SliceStack(one_hot, spec)
        every = range(len(stack))
        back = stack.assemble(stack.inverse(every, stack.slices(every)).argmax(axis=1).astype(np.uint8))
        assert 2 * (back & labels).sum() / (back.sum() + labels.sum()) >= least
    write_labels(tmp_path / "x.nii.gz", labels, case.grid)
    first, written = nib.load(case.sources[0].path), nib.load(tmp_path / "x.nii.gz")
    np.testing.assert_array_equal(written.affine, first.affine)
    for field in ("sform_code", "qform_code", "xyzt_units"):
        assert written.header[field] == first.header[field]
