from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_osuda.errors import ConfigError
from napari_osuda.method.curve.curve import ChannelCurve, IntensityCurve, locate

knots = st.lists(st.integers(-400, 400), min_size=2, max_size=12, unique=True).map(sorted)


@settings(max_examples=60, deadline=None)
@given(x=knots, seed=st.integers(0, 2**16))
def test_a_curve_is_numpys_interpolation_within_and_goes_on_straight_beyond(x, seed):
    x = np.asarray(x) / 100.0
    rng = np.random.default_rng(seed)
    y = rng.normal(0.0, 2.0, len(x))
    curve = ChannelCurve(tuple(x.tolist()), tuple(y.tolist()))
    v = rng.uniform(x[0], x[-1], 50)
    np.testing.assert_allclose(curve(torch.from_numpy(v)), np.interp(v, x, y), rtol=1e-9, atol=1e-9)
    for end, inner, far in ((0, 1, x[0] - 3.0), (-1, -2, x[-1] + 3.0)):
        slope = (y[inner] - y[end]) / (x[inner] - x[end])
        expected = y[end] + slope * (far - x[end])
        np.testing.assert_allclose(curve(torch.tensor([far], dtype=torch.float64)), [expected], rtol=1e-6)


def test_a_value_at_a_knot_lies_there_and_no_part_of_the_way_to_the_next():
    x = torch.tensor([-2.0, 0.0, 1.0, 5.0])
    before, share = locate(x, x)
    assert before.tolist() == [0, 1, 2, 2]
    assert share.tolist() == [0.0, 0.0, 0.0, 1.0]


def test_air_is_left_and_each_channel_has_its_own(batches):
    images = batches[0]
    heads = torch.zeros(len(images), 32, 32, dtype=torch.bool)
    heads[:, 4:20, 6:30] = True
    double, negated = ChannelCurve((-1.0, 1.0), (-2.0, 2.0)), ChannelCurve((0.0, 1.0, 2.0), (0.0, -1.0, -2.0))
    before = images.clone()
    out = IntensityCurve((double, negated))(images, heads)
    assert torch.equal(images, before)
    for c, factor in enumerate((2.0, -1.0)):
        assert torch.equal(out[:, c][~heads], images[:, c][~heads])
        torch.testing.assert_close(out[:, c][heads], factor * images[:, c][heads])


def test_an_empty_head_changes_nothing(batches):
    curve = IntensityCurve((ChannelCurve((0.0, 1.0), (5.0, 6.0)),) * 2)
    heads = torch.zeros(len(batches[0]), 32, 32, dtype=torch.bool)
    assert torch.equal(curve(batches[0], heads), batches[0])


def test_a_curve_survives_being_written():
    curve = IntensityCurve(
        (ChannelCurve((-1.25, 0.1, 3.0), (2.0, 0.3, -1.0)), ChannelCurve((0.0, 1.0), (0.0, 1.0)))
    )
    assert IntensityCurve.from_dict(json.loads(json.dumps(curve.to_dict()))) == curve


@pytest.mark.parametrize(
    "plain",
    [
        {},
        [],
        {"channels": 3},
        {"channels": [{"x": [0, 1]}]},
        {"channels": [{"x": [0, 1], "y": [0]}]},
        {"channels": [{"x": [0], "y": [0]}]},
        {"channels": [{"x": [1, 0], "y": [0, 1]}]},
        {"channels": [{"x": [0, 0], "y": [0, 1]}]},
        {"channels": [{"x": [0, float("nan")], "y": [0, 1]}]},
        {"channels": [{"x": [0, 1], "y": [0, "much"]}]},
        {"channels": [{"x": "12", "y": [3, 4]}]},
        {"channels": [{"x": [1, 2], "y": "34"}]},
        {"channels": [{"x": [0, 1e-12], "y": [0, 1e300]}]},
    ],
)
def test_what_is_no_curve_is_refused_with_a_sentence(plain):
    with pytest.raises(ConfigError, match=r"curve"):
        IntensityCurve.from_dict(plain)
