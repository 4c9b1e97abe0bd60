from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mask_parts import SPACING, labels_3d
from scipy import ndimage

from napari_osuda.session.review.tools.growing import grow, range_of


@settings(deadline=None, max_examples=40)
@given(labels_3d, st.floats(0, 8), st.integers(0, 2**16))
def test_growing_stays_in_range_in_reach_and_off_other_labels(labels, reach, seed):
    image = np.random.default_rng(seed).normal(size=labels.shape)
    grown = grow(labels, image, 1, -0.5, 0.7, reach, SPACING)
    np.testing.assert_array_equal(grown[labels != 0], labels[labels != 0])
    new = grown != labels
    assert (image[new] >= -0.5).all()
    assert (image[new] <= 0.7).all()
    if new.any():
        distance = ndimage.distance_transform_edt(labels != 1, sampling=SPACING)
        assert distance[new].max() <= reach
        parts, count = ndimage.label(grown == 1)
        assert all((labels[parts == part] == 1).any() for part in range(1, count + 1)), "grown from the label"


def test_the_range_of_a_label_ignores_what_is_no_number():
    image = np.array([[1.0, 2.0, np.nan, 50.0]])
    assert range_of(np.array([[1, 1, 1, 0]]), image, 1) == pytest.approx((1.05, 1.95))
    assert range_of(np.zeros((1, 4), int), image, None) is None
