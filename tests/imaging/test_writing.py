from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.errors import OutputError
from napari_osuda.imaging import Grid, write_labels, write_shares
from napari_osuda.imaging.writing import label_type

GRID = Grid((3, 4, 5), np.diag([1.0, 2.0, 3.0, 1.0]))


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1))
def test_the_smallest_type_holds_every_value(values):
    found = label_type(np.array(values))
    fits = [t for t in (np.uint8, np.int16, np.int32)
            if all(np.iinfo(t).min <= v <= np.iinfo(t).max for v in values)]  # fmt: skip
    assert found is (fits[0] if fits else None)


def test_nothing_is_as_small_as_can_be():
    assert label_type(np.zeros(0, int)) is np.uint8


@pytest.mark.parametrize(
    ("name", "labels", "said"),
    [
        ("mask.mgz", np.zeros(GRID.shape, int), "must end in .nii.gz or .nii"),
        ("mask.nii", np.zeros((3, 4, 6), int), "is not written"),
        ("mask.nii", np.zeros(GRID.shape), "whole numbers within 32 bits"),
        ("mask.nii", np.full(GRID.shape, 2**40), "whole numbers within 32 bits"),
    ],
)
def test_what_is_no_label_volume_is_not_written(tmp_path, name, labels, said):
    with pytest.raises(OutputError, match=said):
        write_labels(tmp_path / name, labels, GRID)
    assert not list(tmp_path.iterdir())


def test_shares_come_back_within_a_255th_and_clipped(tmp_path):
    shares = np.linspace(-0.5, 1.5, 60).reshape(GRID.shape)
    write_shares(tmp_path / "map.nii.gz", shares, GRID)
    found = nib.load(tmp_path / "map.nii.gz").get_fdata()
    np.testing.assert_allclose(found, np.clip(shares, 0, 1), atol=0.5 / 255 + 1e-6)
    with pytest.raises(OutputError, match="The map is"):
        write_shares(tmp_path / "map.nii.gz", shares[:2], GRID)


def test_a_mask_of_an_image_that_lies_nowhere_claims_no_scanner(tmp_path):
    write_labels(tmp_path / "m.nii", np.ones(GRID.shape, int), Grid(GRID.shape, GRID.affine, placed=False))
    assert int(nib.load(tmp_path / "m.nii").header["sform_code"]) == 2
