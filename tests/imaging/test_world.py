from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.errors import CaseError
from napari_osuda.imaging import Grid
from napari_osuda.imaging.world import (
    METADATA_KEY,
    from_layer,
    grid_of_layer,
    layer_arguments,
    oblique_degrees,
    onto_layer,
    place_is_known,
    to_case_order,
    to_shown,
)

AXIS_ORDERS = ["".join(axes) for order in permutations(("RL", "AP", "SI")) for axes in product(*order)]
orders = st.sampled_from(AXIS_ORDERS)


@given(orders)
def test_every_voxel_is_shown_at_its_ras_millimeters_in_the_order_s_a_r(make_grid, world_coordinates, axes):
    grid = make_grid(axes, (2, 3, 4), (0.5, 2.0, 6.5))
    arguments = layer_arguments(grid)
    right, anterior, superior = to_shown(world_coordinates(grid), grid)
    index = np.indices(right.shape)
    for axis, expected in enumerate((superior, anterior, right)):
        place = arguments["translate"][axis] + arguments["scale"][axis] * index[axis]
        np.testing.assert_allclose(place, expected, atol=1e-9)
    assert arguments["units"] == ("mm", "mm", "mm")
    assert arguments["axis_labels"] == ("S", "A", "R")
    assert min(arguments["scale"]) > 0


@given(orders, st.sampled_from([0.0, 9.3, 35.5]))
def test_the_way_back_from_the_viewer_is_exact(make_grid, axes, oblique):
    grid = make_grid(axes, (2, 3, 4), (0.5, 2.0, 6.5), oblique=oblique)
    array = np.arange(24).reshape(grid.shape)
    shown = to_shown(array, grid)
    np.testing.assert_array_equal(to_case_order(shown, grid), array)
    arguments = layer_arguments(grid, "a/T1.nii.gz")
    metadata = arguments["metadata"]
    assert metadata[METADATA_KEY]["path"] == "a/T1.nii.gz"
    assert grid_of_layer(shown.shape, metadata, matrix(arguments["scale"], arguments["translate"])) is grid
    np.testing.assert_array_equal(from_layer(shown, metadata), array)
    np.testing.assert_array_equal(onto_layer(array, metadata), shown)
    assert place_is_known(shown.shape, metadata)


@given(orders, st.floats(0.1, 44))
def test_an_oblique_volume_keeps_its_center_and_voxel_size_and_says_its_angle(
    make_grid, world_coordinates, axes, degrees
):
    grid = make_grid(axes, (3, 5, 7), (0.5, 2.0, 6.5), oblique=degrees)
    arguments = layer_arguments(grid)
    assert arguments["metadata"][METADATA_KEY]["oblique_degrees"] == pytest.approx(degrees, abs=1e-3)
    shown = to_shown(world_coordinates(grid), grid)
    middle = tuple(n // 2 for n in shown.shape[1:])
    center = np.array(arguments["translate"]) + np.array(arguments["scale"]) * middle
    np.testing.assert_allclose(center, shown[(slice(None), *middle)][::-1], atol=1e-9)
    np.testing.assert_allclose(sorted(arguments["scale"]), [0.5, 2.0, 6.5])


def test_rounding_is_no_tilt_and_shear_is(make_grid):
    grid = make_grid("LPS", (240, 240, 155))
    assert oblique_degrees(Grid(grid.shape, grid.affine + 1e-5)) == 0
    sheared = np.array([[1, 0.2, 0, 5], [0, 1, 0, 6], [0, 0, 2, 7], [0, 0, 0, 1.0]])
    assert oblique_degrees(Grid((2, 3, 4), sheared)) == pytest.approx(np.degrees(np.arctan(0.2)))


def matrix(scale, translate):
    """What a layer with these does to its voxels' numbers."""
    made = np.diag([*scale, 1.0])
    made[:3, 3] = translate
    return made


@given(st.integers(0, 2**32 - 1))
def test_any_transform_of_another_plugins_layer_is_used_whole(seed):
    random = np.random.default_rng(seed)
    whole = np.eye(4)
    whole[:3, :3] = np.linalg.qr(random.normal(size=(3, 3)))[0] @ np.diag(random.uniform(0.5, 4, 3))
    whole[:3, :3] @= np.eye(3) + np.triu(random.uniform(-0.3, 0.3, (3, 3)), 1)
    whole[:3, 3] = random.uniform(-99, 99, 3)
    grid = grid_of_layer((3, 4, 5), {}, whole, "SAR")
    assert grid.placed
    # World coordinates in the order S, A, R are millimeters in the order R, A, S.
    np.testing.assert_allclose(grid.affine[:3], whole[[2, 1, 0]])
    unknown = grid_of_layer((3, 4, 5), {}, whole, ("-3", "-2", "-1"))
    assert not unknown.placed
    np.testing.assert_allclose(unknown.spacing, grid.spacing)


def test_a_layer_that_was_moved_since_its_file_was_opened_is_refused(make_grid):
    grid = make_grid("LPS", (5, 6, 7))
    arguments = layer_arguments(grid)
    here = matrix(arguments["scale"], arguments["translate"])
    for change in (matrix((1, 1, 1), (0, 2, 0)), matrix((1, 2, 1), (0, 0, 0)), np.eye(4)[[1, 0, 2, 3]]):
        with pytest.raises(CaseError, match="moved, scaled or turned"):
            grid_of_layer((7, 6, 5), arguments["metadata"], change @ here)
    with pytest.raises(CaseError, match="4 axes"):
        grid_of_layer((2, 7, 6, 5), arguments["metadata"], here)


@pytest.mark.parametrize(
    ("labels", "axes"), [(("-3", "-2", "-1"), "SPL"), (("z", "y", "x"), "SPL"), (("I", "A", "R"), "IAR")]
)
def test_a_layer_of_another_plugin_is_taken_as_it_is(labels, axes):
    grid = grid_of_layer((4, 5, 6), {}, matrix((3.0, 1.0, 2.0), (10.0, 20.0, 30.0)), labels)
    assert grid.orientation == axes
    assert grid.shape == (4, 5, 6)
    np.testing.assert_allclose(grid.spacing, (3, 1, 2))
    assert place_is_known((4, 5, 6), {}, labels) == (axes == "IAR")
    array = np.ones((4, 5, 6))
    assert from_layer(array, {}) is array
    assert onto_layer(array, {}) is array


def test_the_shown_axes_without_metadata_give_the_shown_place(make_grid):
    grid = make_grid("LIP", (2, 3, 4), (0.5, 2.0, 6.5))
    shown = layer_arguments(grid)
    copied = grid_of_layer(
        to_shown(np.zeros(grid.shape), grid).shape, {}, matrix(shown["scale"], shown["translate"]), "SAR"
    )
    again = layer_arguments(copied)
    for key in ("scale", "translate"):
        np.testing.assert_allclose(again[key], shown[key])


def test_metadata_of_a_layer_that_was_cropped_are_not_believed(make_grid):
    metadata = layer_arguments(make_grid(shape=(5, 6, 7)))["metadata"]
    assert not place_is_known((7, 6, 4), metadata)
    assert grid_of_layer((7, 6, 4), metadata, np.eye(4)).shape == (7, 6, 4)
