from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel import orientations

from napari_osuda.errors import CaseError, ConfigError
from napari_osuda.imaging.grid import Grid, Reorientation, onto_grid, require_axes, require_same_grid

AXIS_ORDERS = ["".join(axes) for order in permutations(("RL", "AP", "SI")) for axes in product(*order)]


@given(st.sampled_from(AXIS_ORDERS), st.sampled_from(AXIS_ORDERS))
def test_reorientation_keeps_every_voxel_where_it_is_and_undoes_exactly(
    make_grid, world_coordinates, axes, wanted
):
    grid = make_grid(axes, shape=(2, 3, 4), spacing=(1.0, 2.5, 4.0), oblique=20)
    turn = Reorientation(grid.affine, wanted)
    coordinates = world_coordinates(grid)
    turned = turn.apply(coordinates)
    as_turned = Grid(turned.shape[1:], turn.affine(grid))
    assert as_turned.orientation == wanted
    np.testing.assert_allclose(world_coordinates(as_turned), turned, atol=1e-9)
    assert turn.reorder(grid.shape) == as_turned.shape
    np.testing.assert_allclose(turn.reorder(grid.spacing), as_turned.spacing)
    np.testing.assert_array_equal(turn.undo(turned), coordinates)


@given(st.sampled_from(AXIS_ORDERS), st.sampled_from(AXIS_ORDERS))
def test_reorientation_is_nibabels(make_grid, axes, wanted):
    grid = make_grid(axes, shape=(2, 3, 4))
    array = np.arange(24).reshape(grid.shape)
    change = orientations.ornt_transform(
        orientations.io_orientation(grid.affine), orientations.axcodes2ornt(tuple(wanted))
    )
    np.testing.assert_array_equal(
        Reorientation(grid.affine, wanted).apply(array), orientations.apply_orientation(array, change)
    )


def test_spacing_and_orientation_of_an_oblique_grid(make_grid):
    grid = make_grid("LPS", spacing=(0.5, 2.0, 3.0), oblique=30)
    np.testing.assert_allclose(grid.spacing, (0.5, 2.0, 3.0))
    assert grid.orientation == "LPS"


@pytest.mark.parametrize("column", [[0, 0, 0], [np.nan, 0, 1], [2, 0, 0]])
def test_an_affine_that_folds_the_volume_is_refused(column):
    affine = np.eye(4)
    affine[:3, 2] = column
    with pytest.raises(CaseError, match="affine"):
        Grid((2, 3, 4), affine)


@pytest.mark.parametrize("axes", ["RA", "RAR", "XYZ", "RAIS", ""])
def test_axis_codes_that_do_not_name_three_axes_are_refused(axes):
    with pytest.raises(ConfigError, match="such as 'RAS'"):
        require_axes(axes)


def test_axis_codes_are_read_in_any_case():
    assert require_axes("lps") == "LPS"


def test_grids_within_rounding_are_the_same(make_grid):
    first = make_grid(shape=(240, 240, 155))
    nudged = Grid(first.shape, first.affine.astype(np.float32).astype(float) + 1e-5)
    require_same_grid(first, "a", nudged, "b")


@pytest.mark.parametrize(
    ("changes", "how"),
    [
        ({"shape": (5, 6, 8)}, r".*5 x 6 x 7.*shapes differ"),
        ({"origin": (-10.0, 21.0, -30.0)}, r".* 1 mm apart"),
        ({"axes": "LAS"}, r".*axes RAS.* 9 mm apart"),
        ({"spacing": (1.0, 1.0, 1.1)}, r".* 0\.65 mm apart"),
    ],
)
def test_grids_that_differ_are_told_apart_in_words(make_grid, changes, how):
    with pytest.raises(CaseError, match=r"t2\.nii .*grid of flair\.nii " + how):
        require_same_grid(make_grid(), "flair.nii", make_grid(**changes), "t2.nii")


@given(st.sampled_from(AXIS_ORDERS), st.sampled_from(AXIS_ORDERS), st.floats(0, 30))
@settings(deadline=None)
def test_the_same_voxels_in_any_other_order_are_brought_to_ones_own(make_grid, first, second, oblique):
    sizes = {"RL": (3, 0.5), "AP": (4, 1.25), "SI": (5, 6.5)}
    shape, spacing = zip(*(next(s for pair, s in sizes.items() if c in pair) for c in first), strict=True)
    target = make_grid(first, shape, spacing, oblique=oblique)
    data = np.random.default_rng(0).random(target.shape)
    # The straight grid has an order of axes that does not depend on the tilt.
    change = Reorientation(make_grid(first, shape, spacing).affine, second)
    stored = change.apply(data)
    grid = Grid(stored.shape, change.affine(target))
    np.testing.assert_array_equal(onto_grid(stored, grid, "mask", target, "image"), data)
    shifted = grid.affine.copy()
    shifted[:3, 3] += 2.0
    with pytest.raises(CaseError, match=r"mask .*does not lie on the grid of image"):
        onto_grid(stored, Grid(grid.shape, shifted), "mask", target, "image")
