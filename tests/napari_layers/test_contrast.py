from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from napari.layers import Image, Labels

from napari_osuda.imaging.world import METADATA_KEY
from napari_osuda.napari_layers.contrast import WINDOWS, show_window, widen_range, window_of


@settings(deadline=None, max_examples=50)
@given(
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=3, max_dims=3, max_side=5),
               elements=st.floats(-1e4, 1e4, width=32) | st.just(np.nan)),
    st.sampled_from([*WINDOWS]),
)  # fmt: skip
def test_any_window_lies_within_the_data(data, name):
    limits = window_of(data, name)
    finite = data[np.isfinite(data)]
    if limits is None:
        return
    assert limits[0] < limits[1]
    assert finite.min() <= limits[0]
    assert limits[1] <= finite.max()
    if name == "Full range":
        assert limits == (finite.min(), finite.max())


def test_the_slider_reaches_as_far_as_the_data_and_the_picture_stays():
    data = np.linspace(0, 1000, 64, dtype=np.float32).reshape(4, 4, 4)
    layer = Image(data, contrast_limits=(0, 600), metadata={METADATA_KEY: {}})
    widen_range(layer)
    assert tuple(layer.contrast_limits_range) == pytest.approx((0, 1000))
    assert tuple(layer.contrast_limits) == pytest.approx((0, 600))
    layer.contrast_limits_range = (0, 700)
    widen_range(layer)
    assert tuple(layer.contrast_limits_range) == pytest.approx((0, 700)), "once: what a person sets stays"
    show_window(layer, "Full range")
    assert tuple(layer.contrast_limits) == pytest.approx((0, 1000))
    assert layer.contrast_limits_range[1] >= 1000


@pytest.mark.parametrize(
    "layer", [Image(np.ones((2, 2, 2)), contrast_limits=(0, 2)), Labels(np.ones((2, 2, 2), int))]
)
def test_what_is_no_mri_of_ours_stays_as_it_is(layer):
    before = getattr(layer, "contrast_limits_range", None)
    widen_range(layer)
    assert getattr(layer, "contrast_limits_range", None) == before
