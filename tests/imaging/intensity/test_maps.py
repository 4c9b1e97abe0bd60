from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.errors import ConfigError
from napari_osuda.imaging import (
    INTENSITY_MAPS,
    NORMALIZATIONS,
    Grid,
    SliceSpec,
    SliceStack,
    case_from_arrays,
    expected_map,
)
from napari_osuda.imaging.intensity.maps import Knots, fit_mapped
from napari_osuda.imaging.intensity.normalization import fit_intensity

HEAD = np.random.default_rng(0).gamma(4.0, 50.0, (12, 12, 4)).astype(np.float32)
HEAD[:2] = 0


@pytest.mark.parametrize(
    ("channel", "image", "how"),
    [
        ("t2", "patient_flair.nii.gz", "fluid_bright"),
        ("T2", "BraTS-GLI-00000-000-t1n.nii.gz", "inverted"),
        ("t2", "x_t1ce.nii", "inverted"),
        ("flair", "x_t1ce.nii", "inverted"),
        ("t1", "x_t2.nii", "inverted"),
        ("t2", "x_t2.nii.gz", "identity"),
        ("flair", "x_t2.nii.gz", "identity"),
        ("t2", "image.nii.gz", "identity"),
        ("t2", "", "identity"),
        ("lesion likelihood", "x_t1.nii", "identity"),
    ],
)
def test_names_tell_what_physics_expects(channel, image, how):
    assert expected_map(channel, image) == how


@pytest.mark.parametrize("how", [how for how in INTENSITY_MAPS if how != "identity"])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_a_map_keeps_air_mean_and_spread(how, normalization):
    intensity = fit_intensity(HEAD, normalization)
    mapped = fit_mapped(HEAD, intensity, how)
    before, after, head = intensity(HEAD), mapped(HEAD), HEAD != 0
    np.testing.assert_array_equal(after[~head], before[~head])
    assert after[head].mean() == pytest.approx(before[head].mean(), rel=1e-3, abs=1e-3)
    assert after[head].std() == pytest.approx(before[head].std(), rel=1e-3)
    assert mapped.air == intensity.air


def test_turned_is_the_mirror_image_and_fluid_becomes_bright():
    intensity = fit_intensity(HEAD, "zscore_nonzero")
    head = HEAD != 0
    np.testing.assert_allclose(
        fit_mapped(HEAD, intensity, "inverted")(HEAD)[head], -intensity(HEAD)[head], atol=1e-4
    )
    values = np.sort(HEAD[head])
    mapped = fit_mapped(HEAD, intensity, "fluid_bright")(values)
    darkest, middle = mapped[0], mapped[len(mapped) // 2]
    assert darkest > middle
    # Above the fluid the order stays.
    bright = mapped[len(mapped) // 2 :]
    assert (np.diff(bright) >= -1e-5).all()


def test_after_contrast_agent_both_ends_become_bright():
    intensity = fit_intensity(HEAD, "zscore_nonzero")
    values = np.sort(HEAD[HEAD != 0])
    mapped = fit_mapped(HEAD, intensity, "both_bright")(values)
    lowest = int(mapped.argmin())
    assert intensity(values)[lowest] == pytest.approx(0.3, abs=0.1)
    assert (np.diff(mapped[:lowest]) <= 1e-5).all()
    assert (np.diff(mapped[lowest:]) >= -1e-5).all()
    assert mapped[0] > mapped[lowest] < mapped[-1]


@given(st.sampled_from(INTENSITY_MAPS), st.floats(1e-3, 1e4))
def test_the_scanners_gain_does_not_matter(how, gain):
    one, other = (
        fit_mapped(volume, fit_intensity(volume, "zscore_nonzero"), how)(volume)
        for volume in (HEAD, HEAD * np.float32(gain))
    )
    np.testing.assert_allclose(one, other, atol=2e-3)


def test_a_stack_maps_each_channel_by_its_own():
    case = case_from_arrays("x", {"t1": HEAD, "t2": HEAD * 2}, Grid(HEAD.shape, np.eye(4)))
    plain = SliceStack(case, SliceSpec()).slices([0, 1])
    mapped = SliceStack(case, SliceSpec(intensity_maps=("identity", "inverted"))).slices([0, 1])
    np.testing.assert_array_equal(mapped[:, 0], plain[:, 0])
    np.testing.assert_allclose(mapped[:, 1], -plain[:, 1], atol=1e-4)
    with pytest.raises(ConfigError, match="must be one of identity, inverted, fluid_bright"):
        SliceSpec(intensity_maps=("upside-down",))


def test_an_empty_channel_is_left_as_it_is():
    nothing = np.zeros((3, 3, 3), np.float32)
    assert not fit_mapped(nothing, fit_intensity(nothing, "zscore_nonzero"), "inverted")(nothing).any()


def test_a_curve_maps_the_standard_scores_of_the_head_and_leaves_air():
    curve = Knots((-1.0, 0.0, 2.0), (3.0, 0.0, 1.0))
    intensity = fit_intensity(HEAD, "zscore_nonzero")
    mapped = fit_mapped(HEAD, intensity, curve)(HEAD)
    head = HEAD != 0
    plain = intensity(HEAD)[head].astype(np.float64)
    z = (plain - plain.mean()) / plain.std()
    # The end segments go on: -3 z below 0, z / 2 above.
    expected = np.where(z < 0, -3 * z, z / 2) * plain.std() + plain.mean()
    np.testing.assert_allclose(mapped[head], expected, rtol=1e-3, atol=1e-3)
    assert (mapped[~head] == intensity(HEAD)[~head]).all()


@pytest.mark.parametrize("knots", [((0.0,), (1.0,)), ((0.0, 0.0), (1.0, 2.0)), ((0.0, 1.0), (1.0, np.nan))])
def test_what_is_no_curve_is_refused(knots):
    with pytest.raises(ConfigError, match="two knots or more"):
        Knots(*knots)
