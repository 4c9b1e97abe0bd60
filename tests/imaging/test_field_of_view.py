from __future__ import annotations

import numpy as np
import pytest

from napari_osuda.imaging import SliceSpec
from napari_osuda.imaging.field_of_view import _orders, samplings

VOLUME = {"plane": "volume", "interpolation": "cubic"}


@pytest.mark.parametrize(
    ("fields", "spacing", "orders"),
    [
        ({}, (1.0, 1.0), [1, 1]),
        ({"interpolation": "cubic"}, (1.0, 9.0), [3, 3]),
        (VOLUME, (1.0, 1.0, 2.0), [3, 3, 3]),
        (VOLUME, (1.0, 1.0, 4.0), [3, 3, 0]),
        (VOLUME, (4.0, 4.0, 1.0), [3, 3, 3]),
        ({**VOLUME, "spacing_mm": (1.0, 1.0, 5.0)}, (1.0, 1.0, 1.0), [3, 3, 0]),
    ],
)
def test_no_splines_are_drawn_across_thick_slices(fields, spacing, orders):
    assert _orders(SliceSpec(**fields), spacing, range(len(spacing))) == orders


def test_without_a_size_pixels_stay_and_are_padded_to_the_step():
    sizes = [axis.target for axis in samplings(SliceSpec(step=(16, 16)), (50, 64), (1.0, 1.0), (0, 1))]
    assert sizes == [64, 64]


def test_a_fixed_field_of_view_gives_its_size_whatever_the_image():
    spec = SliceSpec(size=(32, 32), field_of_view_mm=(64.0, 64.0))
    for shape in ((20, 90), (64, 64)):
        assert [axis.target for axis in samplings(spec, shape, (1.0, 1.0), (0, 1))] == [32, 32]


def test_a_volume_is_at_least_one_patch():
    spec = SliceSpec(plane="volume", size=(16, 16, 16))
    sizes = [axis.target for axis in samplings(spec, (10, 40, 16), (1.0, 1.0, 1.0), (0, 1, 2))]
    assert sizes == [16, 40, 16]


def test_splines_come_back_linearly_without_smoothing_and_thick_slices_as_the_nearest():
    spec = SliceSpec(**VOLUME, spacing_mm=(0.5, 0.5, 3.0), size=(64, 64, 8))
    fine, _, thick = samplings(spec, (20, 20, 10), (1.0, 1.0, 6.0), (0, 1, 2))
    assert (fine.order, fine.points, fine.target) == (3, (12, 52), 64)
    assert (thick.order, thick.inverse.order) == (0, 0)
    # Between two of the network's voxels alone, however many lie within one of the image's.
    assert np.count_nonzero(fine.inverse.weights, axis=1).max() == 2
    np.testing.assert_allclose(fine.inverse.weights.sum(axis=1), 1, rtol=1e-6)
