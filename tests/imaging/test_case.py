from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_osuda.errors import CaseError
from napari_osuda.imaging import case_from_arrays, check_case


@pytest.fixture
def case(make_grid):
    rng = np.random.default_rng(0)
    grid = make_grid()
    return case_from_arrays("someone", {c: rng.normal(size=grid.shape) for c in ("t1", "t2")}, grid)


def test_arrays_become_channels_in_their_order(make_grid):
    grid = make_grid()
    arrays = {"t2": np.full(grid.shape, 3, np.int16), "t1": np.full(grid.shape, 4.5)}
    case = case_from_arrays("someone", arrays, grid)
    assert case.channels == ("t2", "t1")
    assert case.data.dtype == np.float32
    assert case.data.shape == (2, *grid.shape)
    assert case.data[:, 0, 0, 0].tolist() == [3, 4.5]
    assert [s.channel for s in case.sources] == ["t2", "t1"]
    assert case.sources[0].path is None


def test_arrays_are_copied(make_grid):
    grid = make_grid()
    array = np.ones(grid.shape, np.float32)
    case = case_from_arrays("someone", {"t1": array}, grid)
    array[:] = 0
    assert case.data.all()


def test_axial_slices_lie_in_one_piece_of_memory(case):
    assert case.data[0, :, :, 2].flags.f_contiguous


def test_arrays_that_do_not_fit_the_grid_are_refused(make_grid):
    with pytest.raises(CaseError, match=r"Channel t1 has the shape \(5, 6, 8\) and the grid has \(5, 6, 7\)"):
        case_from_arrays("someone", {"t1": np.ones((5, 6, 8))}, make_grid())
    with pytest.raises(CaseError, match="someone has no channel"):
        case_from_arrays("someone", {}, make_grid())


def test_a_sound_case_passes(case):
    check_case(case)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e60])
def test_voxels_that_are_not_finite_are_counted_and_their_channel_named(make_grid, value):
    grid = make_grid()
    arrays = {c: np.random.default_rng(0).normal(size=grid.shape) for c in ("t1", "t2")}
    arrays["t2"][1, 2, 3:5] = value
    with pytest.raises(CaseError, match="2 of the 210 voxels of channel t2 of case someone are not finite"):
        check_case(case_from_arrays("someone", arrays, grid))


def test_infinities_of_both_signs_do_not_cancel(case):
    case.data[0, 0, 0, 0], case.data[0, 0, 0, 1] = np.inf, -np.inf
    with pytest.raises(CaseError, match="2 of the 210 voxels of channel t1"):
        check_case(case)


@pytest.mark.parametrize(("level", "sentence"), [(0, "no brain"), (7, "are 7, so there is no image")])
def test_an_image_without_content_is_refused_and_its_file_named(case, level, sentence):
    case.data[1] = level
    sources = tuple(replace(s, path=Path(f"{s.channel}.nii")) for s in case.sources)
    with pytest.raises(CaseError, match=rf"channel t2 of case someone \(t2\.nii\) .*{sentence}"):
        check_case(replace(case, sources=sources))


@pytest.mark.parametrize(
    ("title", "file", "name"),
    [
        ("flair", "flair.nii.gz", "flair"),
        ("Ax FLAIR", "IM0030049.dcm", "Ax FLAIR"),
        ("FLAIR", None, "FLAIR"),
        ("", "t1ce.nii.gz", "t1ce.nii.gz"),
        # A layer was called something else: what says a contrast counts, the person's word first.
        ("patient 7, last week", "t1ce.nii.gz", "t1ce.nii.gz"),
        ("FLAIR, not T1ce", "t1ce.nii.gz", "FLAIR, not T1ce"),
        ("patient 7", "scan.nii.gz", "patient 7"),
        ("", None, ""),
    ],
)
def test_the_name_that_says_the_contrast_is_found(case, title, file, name):
    assert replace(case.sources[0], title=title, path=None if file is None else Path(file)).name == name
