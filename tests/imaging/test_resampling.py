import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.imaging.resampling import fit_axis, resample

axes = st.builds(
    fit_axis,
    source=st.integers(1, 40),
    spacing=st.floats(0.3, 6),
    size=st.one_of(st.none(), st.integers(1, 40)),
    extent=st.one_of(st.none(), st.floats(5, 100)),
    step=st.integers(1, 16),
)


@given(axes)
def test_rows_average_inside_and_vanish_outside(axis):
    for way in (axis, axis.inverse):
        assert way.weights.shape == (way.target, way.source)
        assert (way.weights >= 0).all()
        np.testing.assert_allclose(way.weights.sum(axis=1), way.inside, atol=1e-5)


@given(axes)
def test_the_inverse_of_the_inverse_is_the_axis(axis):
    again = axis.inverse.inverse
    assert (again.source, again.target) == (axis.source, axis.target)
    np.testing.assert_allclose([again.start, again.ratio], [axis.start, axis.ratio], rtol=1e-9, atol=1e-9)


@given(st.integers(1, 60), st.floats(0.3, 6), st.integers(1, 32))
def test_without_a_size_nothing_is_resampled_and_no_voxel_is_lost(source, spacing, step):
    axis = fit_axis(source, spacing, step=step)
    assert axis.target % step == 0
    assert source <= axis.target < source + step
    values = np.random.default_rng(source).normal(size=(1, source)).astype(np.float32)
    there = resample(values, [axis])
    np.testing.assert_array_equal(resample(there, [axis.inverse]), values)


def test_a_size_that_gives_the_spacing_up_to_float32_does_not_blur():
    axis = fit_axis(200, float(np.float32(0.9375)) * (1 + 1e-5), size=256, extent=240.0)
    assert axis.shift == -28


def test_minimum_and_step_follow_the_model_format():
    assert fit_axis(70, 1.0, step=16, minimum=64).target == 80
    assert fit_axis(10, 1.0, step=16, minimum=64).target == 64
    both, end = (fit_axis(70, 1.0, step=16, minimum=64, centered=c) for c in (True, False))
    assert (both.start, end.start, end.target) == (-5, 0, 80)
    assert fit_axis(10, 1.0, step=16, minimum=64, centered=False).start == -27
    assert fit_axis(70, 1.0, step=10, minimum=4).target == 74


@given(st.floats(0.6, 5), st.integers(8, 64))
def test_a_linear_ramp_keeps_its_slope_and_place(ratio, size):
    source = 80
    axis = fit_axis(source, 1.0, size=size, extent=min(ratio * size, 80.0))
    ramp = np.arange(source, dtype=np.float32)[None]
    place = axis.start + axis.ratio * np.arange(size)
    inner = (place > axis.ratio + 1) & (place < source - 2 - axis.ratio)
    # A triangle that is sampled on whole voxels is only nearly symmetric about a point between them.
    np.testing.assert_allclose(resample(ramp, [axis])[0][inner], place[inner], atol=0.15 * axis.ratio)


def test_denser_points_are_interpolated_linearly():
    axis = fit_axis(4, 2.0, size=8, extent=8.0)
    result = resample(np.array([[0, 1, 4, 9]], np.float32), [axis])
    np.testing.assert_allclose(result, [[0, 0.25, 0.75, 1.75, 3.25, 5.25, 7.75, 9]])


def test_a_reduction_does_not_alias():
    stripes = np.tile(np.array([0, 1], np.float32), 60)[None]
    reduced = resample(stripes, [fit_axis(120, 1.0, size=32, extent=120.0)])
    np.testing.assert_allclose(reduced, 0.5, atol=0.06)


def test_points_beyond_the_image_get_the_outside_value_of_their_channel():
    axis = fit_axis(2, 1.0, size=4, extent=8.0)
    images = np.ones((3, 2, 2, 2), np.float32)
    result = resample(images, [axis, axis], outside=[5.0, -7.0])
    assert result.flags.c_contiguous
    for channel, value in enumerate((5.0, -7.0)):
        expected = np.full((4, 4), value)
        expected[1:3, 1:3] = 1
        np.testing.assert_array_equal(result[:, channel], np.broadcast_to(expected, (3, 4, 4)))


@pytest.mark.parametrize("size", [None, 3])
def test_an_image_is_never_returned_itself(size):
    image = np.ones((1, 3), np.float32)
    result = resample(image, [fit_axis(3, 1.0, size=size)])
    np.testing.assert_array_equal(result, image)
    assert not np.shares_memory(result, image)


@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([0, 1]), st.sampled_from([0.5, 1.0, 1.7]))
def test_bands_give_what_all_weights_at_once_give(source, target, along, share):
    axis = fit_axis(source, 1.0, size=target, extent=source * share)
    other = fit_axis(5, 1.0)
    axes, sizes = ((axis, other), (source, 5)) if along == 0 else ((other, axis), (5, source))
    images = np.random.default_rng(source).normal(size=(2, 3, *sizes)).astype(np.float32)
    whole = np.moveaxis(np.moveaxis(images, 2 + along, -1) @ axis.weights.T, -1, 2 + along)
    np.testing.assert_allclose(resample(images, axes), whole, rtol=1e-5, atol=1e-5)


def test_what_is_far_from_a_point_does_not_reach_it():
    axis = fit_axis(240, 1.0, size=128, extent=240.0)
    images = np.ones((1, 240, 240), np.float32)
    images[:, 200:] = np.nan
    assert np.isfinite(resample(images, (axis, axis))[0, :90]).all()
