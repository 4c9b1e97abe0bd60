from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_osuda.simulation.fields import smooth_noise


@settings(max_examples=30, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 12)] * 3),
    spacing=st.tuples(*[st.floats(0.5, 6)] * 3),
    scale=st.floats(2, 90),
    seed=st.integers(0, 2**32),
)
def test_any_grid_gets_a_finite_field_that_the_seed_fixes(shape, spacing, scale, seed) -> None:
    first = smooth_noise(np.random.default_rng(seed), shape, spacing, scale)
    assert first.shape == shape
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, smooth_noise(np.random.default_rng(seed), shape, spacing, scale))


def test_mean_is_0_and_deviation_1() -> None:
    field = smooth_noise(np.random.default_rng(0), (80, 80, 80), (1, 1, 1), 4.0)
    assert abs(field.mean()) < 0.05
    assert abs(field.std() - 1) < 0.05


def test_a_longer_scale_changes_more_slowly() -> None:
    def roughness(scale: float) -> float:
        field = smooth_noise(np.random.default_rng(1), (60, 60, 60), (1, 1, 1), scale)
        return float(np.abs(np.diff(field, axis=0)).mean())

    assert roughness(20) < 0.5 * roughness(5)
