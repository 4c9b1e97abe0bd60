import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_osuda.errors import ConfigError
from napari_osuda.imaging.intensity.normalization import NORMALIZATIONS, fit_intensity, normalize

volumes = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=3, max_dims=3, max_side=6),
    elements=st.one_of(st.just(0.0), st.floats(-1e4, 1e4, width=32)),
)


@given(volumes)
def test_zscore_nonzero_standardizes_the_head_and_keeps_the_background_exactly_zero(volume):
    result = normalize(volume, "zscore_nonzero")
    head = volume != 0
    assert result.dtype == np.float32
    assert result.shape == volume.shape
    assert not result[~head].any()
    reference = volume[head].astype(np.float64)
    if reference.size and reference.std() > 1e-3 * np.abs(reference).max():
        np.testing.assert_allclose(
            result[head], (reference - reference.mean()) / reference.std(), rtol=1e-3, atol=2e-3
        )


@given(volumes, st.sampled_from(NORMALIZATIONS))
def test_any_finite_volume_becomes_a_new_finite_array(volume, how):
    before = volume.copy()
    result = normalize(volume, how)
    assert np.isfinite(result).all()
    assert not np.shares_memory(result, volume)
    np.testing.assert_array_equal(volume, before)


@given(volumes, st.sampled_from([how for how in NORMALIZATIONS if how != "zscore_head"]))
def test_the_parts_of_a_volume_get_the_figures_of_the_whole(volume, how):
    fitted = fit_intensity(volume, how)
    np.testing.assert_array_equal(fitted(volume[1:]), normalize(volume, how)[1:])


@pytest.mark.parametrize("level", [0.1, 7.0, -3.3, 0.0])
@pytest.mark.parametrize("how", [how for how in NORMALIZATIONS if how != "none"])
def test_a_constant_image_is_not_blown_up_to_noise(how, level):
    np.testing.assert_allclose(normalize(np.full((4, 5, 6), level, np.float32), how), 0, atol=1e-6)


def test_zscore_counts_the_background():
    volume = np.array([[[0.0, 0.0, 3.0, 9.0]]], np.float32)
    np.testing.assert_allclose(normalize(volume, "zscore"), (volume - 3) / np.sqrt(13.5), rtol=1e-6)


def test_zscore_of_the_head_counts_what_it_encloses_and_leaves_the_rest_at_zero():
    shell = np.zeros((5, 5, 5), np.float32)
    shell[1:4, 1:4, 1:4] = 9.0
    shell[2, 2, 2] = 0.0
    result = normalize(shell, "zscore_head")
    inside = np.array([9.0] * 26 + [0.0])
    np.testing.assert_allclose(
        result[2, 2, 1:3], (np.array([9, 0]) - inside.mean()) / inside.std(), rtol=1e-6
    )
    assert not result[0].any()


def test_range_puts_the_extremes_at_zero_and_one():
    np.testing.assert_allclose(normalize(np.array([[[-2.0, 0.0, 6.0]]]), "range"), [[[0, 0.25, 1]]])


def test_percentiles_map_to_the_unit_range_and_clip_beyond():
    volume = np.arange(1001, dtype=np.float32).reshape(7, 11, 13)
    result = normalize(volume, "percentile_1_99")
    np.testing.assert_allclose(result, np.clip((volume - 10) / 980, 0, 1), atol=1e-6)


def test_integers_are_normalized_as_their_values():
    volume = np.array([[[0, 100, 300]]], np.int16)
    np.testing.assert_allclose(normalize(volume, "zscore_nonzero"), [[[0, -1, 1]]])


def test_an_unknown_normalization_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"'minmax'.*zscore_nonzero, .*zscore, .*none"):
        normalize(np.ones((2, 2, 2)), "minmax")
