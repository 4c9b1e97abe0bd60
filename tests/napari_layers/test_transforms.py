import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.layers import Image, Labels

from napari_osuda.errors import CaseError, OutputError
from napari_osuda.imaging import Grid, case_from_arrays, read_labels, write_labels
from napari_osuda.imaging.world import layer_arguments, to_shown
from napari_osuda.napari_layers.transforms import grid_of, matrix_of_attributes
from napari_osuda.napari_layers.writer import write_layer
from napari_osuda.widgets.adapt.inputs.case_of_layers import case_of_layers, grid_problem, unplaced

SAR = ("S", "A", "R")


def some_layer(seed):
    """A layer with all that a reader may give: negative scale, rotation, shear, an affine, a unit."""
    random = np.random.default_rng(seed)
    turn = np.linalg.qr(random.normal(size=(3, 3)))[0]
    outer = np.eye(4)
    outer[:3, :3] = turn @ np.diag(random.uniform(0.5, 2, 3))
    outer[:3, 3] = random.uniform(-50, 50, 3)
    return Image(
        random.random((3, 4, 5)).astype(np.float32),
        name="p_t2",
        scale=random.choice([-1, 1], 3) * random.uniform(500, 3000, 3),
        translate=random.uniform(-9000, 9000, 3),
        rotate=np.linalg.qr(random.normal(size=(3, 3)))[0],
        shear=random.uniform(-0.2, 0.2, 3),
        affine=outer,
        units=("um",) * 3,
        axis_labels=SAR,
    )


# napari shows a sheared layer straightened, and says so.
@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_whatever_transform_a_layer_has_its_voxels_lie_where_the_viewer_shows_them(seed):
    layer = some_layer(seed)
    grid = grid_of(layer)
    assert grid.placed
    for index in [(0, 0, 0), (2, 3, 4), (1, 0, 3)]:
        superior, anterior, right = np.asarray(layer.data_to_world(index)) / 1000
        np.testing.assert_allclose((grid.affine @ [*index, 1])[:3], (right, anterior, superior), atol=1e-6)
    # The writer is given the parts of the same transform.
    matrix = matrix_of_attributes(layer.as_layer_data_tuple()[1])
    np.testing.assert_allclose(matrix[[2, 1, 0]], grid.affine[:3], atol=1e-6)


def test_voxel_sizes_that_stand_in_the_affine_alone_are_used():
    layer = Image(np.zeros((3, 4, 5)), affine=np.diag([3.0, 1.25, 1.25, 1.0]), name="p_t2")
    case = case_of_layers({"t2": layer})
    np.testing.assert_allclose(case.grid.spacing, (3, 1.25, 1.25))
    assert unplaced({"t2": layer}) == ("p_t2",)


def test_of_several_resolutions_the_finest_is_used():
    fine = np.random.default_rng(0).random((8, 8, 8)).astype(np.float32)
    layer = Image([fine, fine[::2, ::2, ::2]], multiscale=True, scale=(3, 1, 1), name="p_t2")
    case = case_of_layers({"t2": layer})
    np.testing.assert_array_equal(case.data[0], fine)
    np.testing.assert_allclose(case.grid.spacing, (3, 1, 1))


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (lambda: Image(np.zeros((8, 9, 3), np.uint8), rgb=True), "color picture"),
        (lambda: Image(np.ones((4, 8, 9)), axis_labels=("t", "y", "x")), "axis 't' is none of space"),
        (lambda: Image(np.ones((4, 8, 9, 5))), "4 axes.*Split Stack"),
    ],
)
def test_a_layer_that_is_no_volume_is_refused_by_name(layer, why):
    made = layer()
    made.name = "p_t2"
    with pytest.raises(CaseError, match=f"'p_t2'.*{why}"):
        case_of_layers({"t2": made})


def test_a_mask_of_an_image_whose_place_is_unknown_claims_no_scanner_coordinates(tmp_path):
    layer = Image(np.zeros((3, 4, 5)), affine=np.diag([3.0, 1.25, 1.25, 1.0]), name="p_t2")
    grid = case_of_layers({"t2": layer}).grid
    write_labels(tmp_path / "x.nii.gz", np.zeros(grid.shape, np.uint8), grid)
    header = read_labels(tmp_path / "x.nii.gz")[1].header
    assert header["sform_code"] != 1
    assert header["qform_code"] != 1
    labels = Labels(np.zeros((3, 4, 5), np.uint8), affine=layer.affine.affine_matrix)
    with pytest.raises(OutputError, match="place in the scanner is not known"):
        write_layer(str(tmp_path / "y.nii.gz"), *labels.as_layer_data_tuple()[:2])


def test_layers_of_the_same_voxels_in_another_order_are_one_case():
    grid = Grid((5, 4, 3), np.diag([-1.0, 1.5, 2.0, 1.0]))
    data = np.random.default_rng(0).random(grid.shape).astype(np.float32)
    opened = Image(to_shown(data, grid), name="t1", **layer_arguments(grid))
    # The same image of another plugin: slices in the other direction.
    flipped = np.diag([-2.0, 1.5, 1.0, 1.0])
    flipped[:3, 3] = (2.0 * 2, 0.0, -4.0)
    other = Image(to_shown(data, grid)[::-1], name="t2", affine=flipped, axis_labels=SAR)
    layers = {"t1": opened, "t2": other}
    assert grid_problem(layers) == ""
    case = case_of_layers(layers)
    np.testing.assert_array_equal(case.data[0], data)
    np.testing.assert_array_equal(case.data[1], data)


def test_a_layer_that_cannot_be_used_is_named():
    shown = layer_arguments(Grid((5, 4, 3), np.eye(4)))
    moved = Image(np.zeros((3, 4, 5)), name="t1", **{**shown, "translate": (9, 9, 9)})
    assert "'t1': The layer was moved" in grid_problem({"t1": moved})
    series = Image(np.zeros((2, 3, 4, 5)), name="fmri")
    assert "'fmri': The layer has 4 axes" in grid_problem({"t1": series})
    assert unplaced({"t1": series}) == ()
    assert case_from_arrays("x", {"t1": np.zeros((5, 4, 3))}, Grid((5, 4, 3), np.eye(4))).grid.placed


@pytest.mark.parametrize(("unit", "mm"), [("inch", 25.4), ("decimeter", 100.0), ("pixel", 1.0), ("cm", 10.0)])
def test_any_length_is_read_in_millimeters(unit, mm):
    layer = Image(np.zeros((3, 4, 5)), scale=(0.5, 0.25, 0.2), units=(unit,) * 3, axis_labels=SAR)
    np.testing.assert_allclose(grid_of(layer).spacing, np.array([0.5, 0.25, 0.2]) * mm)


def test_units_that_are_no_lengths_are_refused(tmp_path):
    layer = Labels(np.zeros((3, 4, 5), int), units=("second",) * 3, axis_labels=SAR, name="final")
    with pytest.raises(CaseError, match="counts in second, which is not a known length"):
        grid_of(layer)
    data, attributes, _ = layer.as_layer_data_tuple()
    with pytest.raises(OutputError, match=r"'?final'? is not written: The layer counts in second"):
        write_layer(str(tmp_path / "final.nii.gz"), data, attributes)
