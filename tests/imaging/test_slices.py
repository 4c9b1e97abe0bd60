from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_osuda.errors import ConfigError
from napari_osuda.imaging import Grid, SliceSpec, SliceStack, case_from_arrays, normalize
from napari_osuda.imaging.intensity.head import find_head

AXIS_ORDERS = ["".join(axes) for order in permutations(("RL", "AP", "SI")) for axes in product(*order)]
PLANES = ["axial", "coronal", "sagittal", "volume"]
AWAY = {"axial": 2, "coronal": 1, "sagittal": 0}
ACROSS = {"axial": "IS", "coronal": "PA", "sagittal": "LR"}
RAW = SliceSpec(normalization="none")


def case_of(grid, *arrays):
    return case_from_arrays("someone", {f"c{i}": a for i, a in enumerate(arrays)}, grid)


@given(
    axes=st.sampled_from(AXIS_ORDERS),
    orientation=st.sampled_from(AXIS_ORDERS),
    plane=st.sampled_from(PLANES),
    shape=st.tuples(*[st.integers(1, 9)] * 3),
    spacing=st.tuples(*[st.sampled_from([0.5, 1.0, 2.3, 6.5])] * 3),
    oblique=st.sampled_from([0.0, 9.3, 35.5]),
    step=st.integers(1, 8),
    seed=st.integers(0, 2**31),
)
def test_labels_come_back_exactly_when_nothing_is_resampled(
    make_grid, axes, orientation, plane, shape, spacing, oblique, step, seed
):
    grid = make_grid(axes, shape, spacing, oblique=oblique)
    labels = np.random.default_rng(seed).integers(0, 4, shape).astype(np.uint8)
    spec = SliceSpec(plane, orientation, normalization="none")
    spec = replace(spec, step=(step,) * spec.axes)
    stack = SliceStack(case_of(grid, *(labels == k for k in range(4))), spec)
    every = np.arange(len(stack))
    one_hot = stack.slices(every)
    assert one_hot.shape == (len(stack), 4, *stack.shape)
    assert all(n % step == 0 for n in stack.shape)
    back = stack.inverse(every, one_hot).argmax(axis=1).astype(np.uint8)
    returned = stack.assemble(back)
    assert returned.dtype == np.uint8
    np.testing.assert_array_equal(returned, labels)


@given(st.sampled_from(AXIS_ORDERS), st.sampled_from(PLANES))
def test_a_slice_has_the_array_order_of_the_orientation_with_the_planes_axis_taken_out(
    make_grid, world_coordinates, axes, plane
):
    grid = make_grid(axes, (3, 4, 5), (1.0, 2.0, 3.0))
    coordinates = world_coordinates(grid)
    stack = SliceStack(case_of(grid, *coordinates), SliceSpec(plane, "RAS", normalization="none"))
    images = stack.slices(range(len(stack)))
    volume = images[0] if plane == "volume" else np.moveaxis(images, 0, AWAY[plane] + 1)
    for axis in range(3):
        line = np.unique(coordinates[axis].astype(np.float32))
        shape = [1, 1, 1]
        shape[axis] = -1
        np.testing.assert_array_equal(volume[axis], np.broadcast_to(line.reshape(shape), volume.shape[1:]))


def test_field_of_view_and_size_resample_about_the_center(make_grid, world_coordinates):
    grid = make_grid("LPS", (60, 50, 3), (1.0, 1.0, 5.0))
    spec = replace(RAW, size=(32, 32), field_of_view_mm=(48.0, 48.0))
    stack = SliceStack(case_of(grid, *world_coordinates(grid)), spec)
    right, anterior, _ = stack.slices([1])[0]
    pitch = 48 / 32
    center_r, center_a = grid.affine[0, 3] - 29.5, grid.affine[1, 3] - 24.5
    places = (np.arange(32) - 15.5) * pitch
    np.testing.assert_allclose(right[:, 16], center_r + places, atol=0.2)
    np.testing.assert_allclose(anterior[16, 1:-1], (center_a + places)[1:-1], atol=0.2)


def test_a_smooth_shape_survives_the_way_through_a_coarser_network_grid(make_grid):
    grid = make_grid("PIR", (90, 40, 80), (1.0, 3.0, 1.0))
    i, _, k = np.meshgrid(*map(np.arange, grid.shape), indexing="ij")
    disc = (i - 40) ** 2 + (k - 45) ** 2 < 20**2
    spec = replace(RAW, size=(64, 64), field_of_view_mm=(100.0, 100.0))
    stack = SliceStack(case_of(grid, ~disc, disc), spec)
    every = range(len(stack))
    returned = stack.assemble(stack.inverse(every, stack.slices(every)).argmax(axis=1))
    assert 2 * (returned & disc).sum() / (returned.sum() + disc.sum()) > 0.98


@pytest.mark.parametrize("how", ["zscore_nonzero", "zscore", "percentile_1_99", "none"])
def test_channels_are_normalized_over_the_volume_and_padded_with_air(make_grid, how):
    rng = np.random.default_rng(3)
    grid = make_grid(shape=(6, 5, 4))
    arrays = [rng.integers(0, 3, grid.shape) * rng.normal(50, 10, grid.shape) for _ in range(2)]
    stack = SliceStack(case_of(grid, *arrays), SliceSpec(step=(8, 8), normalization=how))
    images = stack.slices([2])
    for channel, array in enumerate(arrays):
        array = array.astype(np.float32)
        expected = normalize(array, how)[..., 2]
        np.testing.assert_array_equal(images[0, channel, 1:7, 1:6], expected)
        air = normalize(array, how)[array == 0][0]
        np.testing.assert_array_equal(images[0, channel, 0], air)


def test_foreground_slices_have_a_voxel_in_any_channel(make_grid):
    grid = make_grid("RAI", (3, 3, 5))
    first, second = np.zeros(grid.shape), np.zeros(grid.shape)
    first[1, 1, 0] = 4
    second[2, 0, 3] = -1
    stack = SliceStack(case_of(grid, first, second), RAW)
    assert stack.foreground.tolist() == [False, True, False, False, True]
    assert SliceStack(case_of(grid, first), SliceSpec("volume")).foreground.tolist() == [True]


def test_voxels_outside_the_field_of_view_are_background_or_what_the_caller_says(make_grid):
    grid = make_grid(shape=(10, 10, 2))
    stack = SliceStack(
        case_of(grid, np.ones(grid.shape)), replace(RAW, size=(4, 4), field_of_view_mm=(4.0, 4.0))
    )
    planes = np.full((1, 3, 4, 4), 1 / 3, np.float32)
    default = stack.inverse([0], planes)
    assert default.shape == (1, 3, 10, 10)
    assert default[0, :, 0, 5].tolist() == [1, 0, 0]
    np.testing.assert_array_equal(default[0, :, 3:7, 3:7], planes[0])
    np.testing.assert_allclose(stack.inverse([0], planes, outside=[0, 0.25, 0.5])[0, :, 9, 9], [0, 0.25, 0.5])


@given(size=st.integers(2, 40), spacing=st.sampled_from([0.4, 1.0, 2.7]), seed=st.integers(0, 2**31))
def test_returned_probabilities_are_still_probabilities(make_grid, size, spacing, seed):
    grid = make_grid("ASR", (4, 11, 7), (spacing, spacing, 1.0))
    stack = SliceStack(
        case_of(grid, np.ones(grid.shape)), replace(RAW, size=(size, size), field_of_view_mm=(9.0, 12.0))
    )
    planes = np.random.default_rng(seed).dirichlet(np.ones(3), (2, size, size)).transpose(0, 3, 1, 2)
    back = stack.inverse([0, 1], planes.astype(np.float32))
    assert (back >= 0).all()
    np.testing.assert_allclose(back.sum(axis=1), 1, atol=1e-5)


def test_slices_of_an_oblique_volume_are_its_own_voxels(make_grid):
    grid = make_grid("RAS", (4, 5, 6), oblique=35.5)
    data = np.random.default_rng(0).normal(size=grid.shape).astype(np.float32)
    stack = SliceStack(case_of(grid, data), RAW)
    np.testing.assert_array_equal(stack.slices([3])[0, 0], data[..., 3])


def test_a_slice_that_was_not_predicted_is_background(make_grid):
    grid = make_grid("LIP", (3, 4, 5))
    stack = SliceStack(case_of(grid, np.ones(grid.shape)), RAW)
    labels = stack.assemble({2: np.full(stack.plane_shape, 7, np.uint8)})
    assert labels.dtype == np.uint8
    assert labels.shape == grid.shape
    assert (labels[:, 1] == 7).all()
    assert labels.sum() == 7 * 3 * 5


def test_a_whole_volume_is_padded_to_at_least_one_patch(make_grid):
    case = case_of(make_grid(shape=(20, 50, 33)), np.ones((20, 50, 33)))
    stack = SliceStack(case, SliceSpec("volume", size=(32, 32, 32), step=(16, 16, 16)))
    assert (stack.shape, stack.patch) == ((32, 50, 33), (32, 32, 32))
    # Where no size is said, patches are of the usual one, or smaller where the volume is.
    assert SliceStack(case, SliceSpec("volume")).shape == (20, 50, 33)
    stack = SliceStack(case, SliceSpec("volume", step=(16, 16, 16)))
    assert (stack.shape, stack.patch) == ((32, 64, 48), (32, 64, 48))
    assert SliceSpec("volume", step=(10, 10, 10), minimum=(25, 25, 25)).patch == (95, 95, 95)
    whole = SliceSpec("volume", size=(8, 8, 8), field_of_view_mm=(20.0, 20.0, 20.0))
    assert SliceStack(case, whole).patch is None


def test_voxels_are_brought_to_the_spacing_of_the_network_and_back(make_grid):
    grid = make_grid("LSA", (40, 10, 30), (1.0, 4.0, 1.0))
    i, j, k = np.meshgrid(*map(np.arange, grid.shape), indexing="ij")
    ball = (i - 19) ** 2 + (4 * (j - 5)) ** 2 + (k - 14) ** 2 < 12**2
    spec = SliceSpec("volume", "RAS", spacing_mm=(2.0, 1.5, 2.0), normalization="none", size=(4, 4, 4))
    stack = SliceStack(case_of(grid, ~ball, ball), spec)
    assert stack.shape == (20, 20, 20)
    volume = stack.slices([0])
    assert volume[0, 1].sum() == pytest.approx(ball.sum() * 4 / 6, rel=0.02)
    returned = stack.assemble(stack.inverse([0], volume).argmax(axis=1))
    assert 2 * (returned & ball).sum() / (returned.sum() + ball.sum()) > 0.9
    assert stack.head.all()
    # Slices of a 2-D network keep their own distance.
    flat = SliceStack(case_of(grid, ball), SliceSpec("coronal", "RAS", spacing_mm=(2.0, 1.0, 8.0)))
    assert (len(flat), flat.shape) == (30, (20, 5))


@given(
    pitches=st.tuples(*[st.sampled_from([0.7, 1.0, 1.5, 2.6])] * 3),
    how=st.sampled_from(["zscore", "range", "none", "zscore_nonzero"]),
    air=st.sampled_from([0.0, -1000.0]),
    seed=st.integers(0, 2**31),
)
def test_points_are_those_of_monai_and_normalized_after_it(make_grid, pitches, how, air, seed):
    rng = np.random.default_rng(seed)
    volume = rng.uniform(1, 9, (17, 16, 18)).astype(np.float32)
    volume[:4] = 0
    grid = make_grid("RAS", volume.shape, (1.0, 1.5, 2.0))
    spec = SliceSpec(
        "volume", "RAS", size=(40, 20, 60), spacing_mm=pitches, interpolation="points", normalization=how
    )
    stack = SliceStack(case_of(grid, np.where(volume == 0, air, volume)), spec)
    expected = volume.astype(np.float64) + (air if how != "zscore_nonzero" else 0) * (volume == 0)
    for axis, (n, mm, pitch) in enumerate(zip(volume.shape, grid.spacing, pitches, strict=True)):
        points = np.arange(round((n - 1) * mm / pitch + 1)) * pitch / mm
        expected = np.apply_along_axis(
            lambda v, at=points: np.interp(at, np.arange(len(v)), v), axis, expected
        )
    expected[np.abs(expected) < 1e-12] = 0
    inside = expected[expected != 0] if how == "zscore_nonzero" else expected
    if how.startswith("zscore"):
        expected = np.where((how == "zscore") | (expected != 0), (expected - inside.mean()) / inside.std(), 0)
    elif how == "range":
        expected = (expected - inside.min()) / (inside.max() - inside.min())
    before = [(n - m) // 2 for n, m in zip(stack.shape, expected.shape, strict=True)]
    held = tuple(slice(b, b + m) for b, m in zip(before, expected.shape, strict=True))
    image = stack.slices([0])[0, 0]
    np.testing.assert_allclose(image[held], expected, atol=2e-3 if air else 1e-4)
    image[held] = 0
    assert not image.any(), "what is added to reach the patch is 0"
    # The way back is linear, and the outermost points continue.
    np.testing.assert_allclose(stack.inverse([0], np.full((1, 1, *stack.shape), 0.25, np.float32)), 0.25)


@pytest.mark.parametrize(("across", "order"), [(2.0, 3), (7.0, 0)])
def test_splines_resample_as_scipys_zoom_and_take_the_nearest_slice_of_few(make_grid, across, order):
    rng = np.random.default_rng(5)
    volume = rng.uniform(1, 9, (13, 11, 9)).astype(np.float32)
    grid = make_grid("RAS", volume.shape, (2.0, 2.0, across))
    spec = SliceSpec(
        "volume", "RAS", size=(4, 4, 4), spacing_mm=(1.5, 2.4, 0.5 * across), interpolation="cubic",
        normalization="none",
    )  # fmt: skip
    stack = SliceStack(case_of(grid, volume), spec)
    expected = volume.astype(np.float64)
    for axis, (n, by) in enumerate(zip(stack.shape, (3, 3, order), strict=True)):
        factor = [1.0, 1.0, 1.0]
        factor[axis] = n / expected.shape[axis]
        expected = ndimage.zoom(expected, factor, order=by, mode="nearest", grid_mode=True)
    assert stack.shape == (17, 9, 18)
    image = stack.slices([0])[0, 0]
    np.testing.assert_allclose(image, np.clip(expected, 0, volume.max()), atol=2e-5)
    # the inverse is linear, whatever the way there.
    constant = np.full((1, 1, *stack.shape), 0.25, np.float32)
    np.testing.assert_allclose(stack.inverse([0], constant, outside=[0.25]), 0.25, atol=1e-6)


@given(
    axes=st.sampled_from(AXIS_ORDERS),
    orientation=st.sampled_from(AXIS_ORDERS),
    plane=st.sampled_from(PLANES),
    seed=st.integers(0, 2**31),
)
def test_the_box_around_the_head_is_all_that_the_network_sees(make_grid, axes, orientation, plane, seed):
    grid = make_grid(axes, (7, 8, 9))
    rng = np.random.default_rng(seed)
    labels = np.zeros(grid.shape, np.uint8)
    corner = rng.integers(0, 4, 3)
    box = tuple(slice(c, c + n) for c, n in zip(corner, rng.integers(1, 5, 3), strict=True))
    labels[box] = rng.integers(1, 4, labels[box].shape)
    stack = SliceStack(
        case_of(grid, labels), SliceSpec(plane, orientation, crop_to_head=True, normalization="range")
    )
    every = np.arange(len(stack))
    images = stack.slices(every)
    inside = labels[box]
    if plane == "volume":
        assert sorted(images[0, 0].shape) == sorted(inside.shape)
    else:
        across = next(i for i in range(3) if grid.orientation[i] in ACROSS[plane])
        assert images[0, 0].size == inside.size // inside.shape[across]
    one_hot = np.concatenate([np.zeros_like(images), np.ones_like(images)], axis=1)
    returned = stack.assemble(stack.inverse(every, one_hot).argmax(axis=1).astype(np.uint8))
    expected = np.zeros_like(labels)
    expected[box] = 1
    if plane != "volume":
        # Slices before and behind the head are there, and are for the caller to leave out.
        returned = stack.assemble({k: stack.stacked(returned)[k] for k in every if stack.foreground[k]})
    np.testing.assert_array_equal(returned, expected)


def test_each_channel_can_have_a_normalization_of_its_own(make_grid):
    rng = np.random.default_rng(0)
    arrays = rng.uniform(1, 9, (3, 4, 5, 6)).astype(np.float32) * (rng.random((4, 5, 6)) > 0.3)
    spec = SliceSpec("volume", normalization=("zscore_head", "range", "none"))
    image = SliceStack(case_of(make_grid(shape=(4, 5, 6)), *arrays), spec).slices([0])[0]
    head = find_head(arrays).filled
    inside = arrays[0][head]
    np.testing.assert_allclose(image[0][head], (inside - inside.mean()) / inside.std(), atol=1e-5)
    assert not image[0][~head].any()
    np.testing.assert_allclose(image[1], arrays[1] / arrays[1].max(), rtol=1e-5)
    np.testing.assert_array_equal(image[2], arrays[2])


def test_the_order_in_memory_does_not_matter_and_the_data_are_not_touched(make_grid):
    grid = make_grid("PSL", (6, 7, 8))
    data = np.random.default_rng(1).normal(size=grid.shape).astype(np.float32)
    case = case_of(grid, data)
    other = replace(case, data=np.ascontiguousarray(case.data))
    spec = SliceSpec(size=(16, 16), field_of_view_mm=(8.0, 8.0))
    np.testing.assert_array_equal(
        SliceStack(case, spec).slices([1, 4]), SliceStack(other, spec).slices([1, 4])
    )
    np.testing.assert_array_equal(case.data[0], data)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"plane": "axail"}, "'axail'; it must be one of axial, coronal, sagittal, volume"),
        ({"normalization": "minmax"}, "'minmax'; it must be one of zscore_nonzero"),
        ({"orientation": "RAX"}, "'RAX'"),
        ({"size": (128, 128, 128)}, r"size is \[128, 128, 128\]; plane axial has 2 axes"),
        ({"plane": "volume", "step": (16, 16)}, "plane volume has 3 axes"),
        ({"interpolation": "sinc"}, "'sinc'; it must be one of linear, points, cubic"),
        ({"spacing_mm": (1.0, 1.0)}, "must be three numbers"),
        ({"normalization": ("zscore", "ct")}, "'ct'; it must be one of"),
    ],
)
def test_a_spec_that_cannot_be_is_refused(changes, sentence):
    with pytest.raises(ConfigError, match=sentence):
        SliceSpec(**changes)


def test_planes_of_the_wrong_shape_are_refused(make_grid):
    stack = SliceStack(case_of(make_grid(), np.ones((5, 6, 7))), RAW)
    with pytest.raises(ValueError, match="2 slices of"):
        stack.inverse([0, 1], np.zeros((1, 2, 5, 6), np.float32))
    with pytest.raises(ValueError, match="7 planes of"):
        stack.assemble(np.zeros((7, 6, 5), np.uint8))


def test_an_affine_with_shear_is_sliced_by_its_nearest_axes():
    affine = np.array([[1.0, 0.1, 0, 0], [0, 1.0, 0.3, 0], [0, 0, 2.0, 0], [0, 0, 0, 1]])
    data = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    stack = SliceStack(case_of(Grid((4, 5, 6), affine), data), RAW)
    np.testing.assert_array_equal(stack.slices([5])[0, 0], data[..., 5])
