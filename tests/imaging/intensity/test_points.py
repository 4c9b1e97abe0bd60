from __future__ import annotations

import numpy as np
import pytest

from napari_osuda.imaging import Grid, SliceSpec, SliceStack, case_from_arrays
from napari_osuda.imaging.intensity.head import Air, find_air
from napari_osuda.imaging.intensity.points import zero_of


def a_head(shape=(24, 24, 24), radius=0.8):
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    inside = np.linalg.norm(axes, axis=0) < radius
    return inside, np.random.default_rng(0).uniform(100, 400, shape).astype(np.float32)


def seen(image, how):
    case = case_from_arrays("p", {"t2": image}, Grid(image.shape, np.eye(4)))
    spec = SliceSpec(
        "volume", size=(40, 40, 40), spacing_mm=(0.8, 1.5, 2.0), interpolation="points", normalization=how
    )
    return SliceStack(case, spec).slices([0])[0, 0]


@pytest.mark.parametrize("shift", [-1000.0, 50.0])
def test_a_whole_image_that_was_shifted_looks_the_same(shift):
    inside, tissue = a_head()
    image = np.where(inside, tissue, 0)
    np.testing.assert_allclose(
        seen(image + np.float32(shift), "zscore_nonzero"), seen(image, "zscore_nonzero"), atol=1e-3
    )


def test_air_that_alone_was_set_to_another_value_looks_as_air_of_zero():
    inside, tissue = a_head()
    image = np.where(inside, tissue, 0)
    np.testing.assert_allclose(
        seen(np.where(inside, tissue, np.float32(-3000)), "zscore_nonzero"), seen(image, "zscore_nonzero")
    )


@pytest.mark.parametrize("how", ["zscore_nonzero", "zscore_head"])
def test_air_of_noise_and_what_is_added_around_the_image_are_zero(how):
    inside, tissue = a_head()
    noise = np.hypot(*np.random.default_rng(1).normal(0, 5, (2, *tissue.shape)))
    image = seen(np.where(inside, tissue, noise).astype(np.float32), how)
    assert not image[0].any()
    assert np.mean(image != 0) == pytest.approx(np.mean(inside) * 30 * 16 * 12 / 40**3, rel=0.25)
    assert image[image != 0].std() == pytest.approx(1, abs=0.1)


def test_the_intensity_of_no_signal():
    inside, tissue = a_head()
    for air, zero in ((0.0, 0.0), (20.0, 20.0), (-1000.0, 0.0)):
        image = np.where(inside, tissue, np.float32(air))
        assert zero_of(image, find_air(image)) == zero
    assert zero_of(np.full((2, 2, 2), 5.0), Air((0.0, 5.0))) == 0.0
