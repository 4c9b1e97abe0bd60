"""Options that choose images and say what is done to them."""

import argparse

import nibabel as nib
import numpy as np
import pytest

from napari_osuda.cli.options import add_image_options, read_given_case, write_own_grids
from napari_osuda.errors import CaseError, ConfigError


@pytest.fixture
def patient(tmp_path):
    folder = tmp_path / "sub-01" / "anat"
    folder.mkdir(parents=True)
    thick = np.diag([1.0, 1, 4, 1])
    thick[2, 3] = 1.5
    data = np.zeros((24, 24, 24), np.float32)
    data[6:18, 6:18, 4:20] = np.arange(1, 13)[:, None, None]
    for run in (1, 2):
        nib.save(nib.Nifti1Image(data * run, np.eye(4)), folder / f"sub-01_run-{run}_T1w.nii.gz")
    nib.save(nib.Nifti1Image(data[:, :, 1::4], thick), folder / "sub-01_FLAIR.nii.gz")
    nib.save(nib.Nifti1Image((data > 6).astype(np.uint8), np.eye(4)), tmp_path / "brain.nii.gz")
    return tmp_path / "sub-01"


def options(patient, *words):
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", nargs="+", dest="cases", default=[str(patient)])
    add_image_options(parser)
    given = parser.parse_args(words)
    given.out, given.quiet = patient.parent / "out", True
    return given


def test_a_run_and_a_grid_are_chosen(patient):
    case = read_given_case(options(patient, "--bids", "run=2", "--reference-grid", "t1"), 0, ("flair", "t1"))
    assert case.grid.shape == (24, 24, 24)
    assert case.data[1].max() == 24
    assert case.preparation.reference_grid == "t1"


def test_a_brain_mask_is_given_for_each_case(patient):
    mask = str(patient.parent / "brain.nii.gz")
    case = read_given_case(options(patient, "--bids", "run=1", "--brain-mask", mask), 0, ("t1",))
    assert case.data.min() == 0
    assert set(np.unique(case.data)) == {0, *range(7, 13)}
    with pytest.raises(CaseError, match="There are 2 brain masks for 1 cases"):
        read_given_case(options(patient, "--brain-mask", mask, mask), 0, ("t1",))


def test_an_entity_that_is_none_is_refused(patient):
    with pytest.raises(ConfigError, match="not an entity of BIDS"):
        read_given_case(options(patient, "--bids", "color=red"), 0, ("t1",))


@pytest.mark.parametrize("asked", [True, False])
def test_masks_in_the_voxels_of_each_image_are_written_where_asked_for(patient, asked):
    given = options(patient, "--bids", "run=1", *(["--own-grids"] if asked else []))
    case = read_given_case(given, 0, ("t1", "flair"))
    write_own_grids(given, case, (case.data[0] > 0).astype(np.uint8), "after")
    found = list(given.out.rglob("*.nii.gz"))
    assert [path.relative_to(given.out).as_posix() for path in found] == (
        [f"own-grids/after/{case.name}_flair.nii.gz"] if asked else []
    )
