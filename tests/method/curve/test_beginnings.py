"""The shapes that curves begin with, typed anew: no later edit may shift a knot unseen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_osuda.method.curve.beginnings import (
    BEGINNINGS,
    begin_curve,
    beginning_knots,
    expected_beginnings,
    head_moments,
)

KNOTS = [-2.5, -1.7, -1.3, -1.0, -0.75, -0.5, -0.25, 0.0, 0.3, 0.7, 1.2, 2.0, 3.5]
SHAPES = {
    "identity": KNOTS,
    "negated": [2.5, 1.7, 1.3, 1.0, 0.75, 0.5, 0.25, 0.0, -0.3, -0.7, -1.2, -2.0, -3.5],
    "fluid_dark_falling": [-3.0, -2.4, -0.5, 1.1, 1.9, 1.5, 0.6, 0.1, -0.2, -0.7, -1.45, -2.3, -3.0],
    "fluid_dark_falling_late": [-3.9, -2.6, -1.3, 0.0, 0.9, 1.7, 1.9, 0.95, 0.0, -0.8, -1.7, -2.5, -3.2],
    "fluid_dark_fat_bright": [-1.8, -1.4, -0.2, 1.0, 0.9, 0.8, 0.45, 0.1, 0.04, 0.2, 0.7, 1.5, 1.9],
    "brain_bright_lesion_dark": [1.3, 0.95, 0.5, 0.15, 0.1, 0.4, 0.8, 0.8, 0.15, -0.55, -0.65, -1.0, -1.3],
}
# Fluid is the darkest of FLAIR and of T1, fat the brightest.
DARKEST, BRIGHTEST = 0, -1


def test_there_is_a_shape_for_each_name_and_no_other():
    assert set(BEGINNINGS) == set(SHAPES)


@pytest.mark.parametrize("name", BEGINNINGS)
def test_a_shape_is_the_one_that_was_chosen(name):
    x, y = beginning_knots(name)
    assert list(x) == KNOTS
    assert list(y) == SHAPES[name]


def test_fluid_and_fat_lie_where_the_names_say():
    for name in ("fluid_dark_falling", "fluid_dark_falling_late", "fluid_dark_fat_bright"):
        y = beginning_knots(name)[1]
        assert y[DARKEST] == min(y)
        assert 0 < np.argmax(y) < len(y) - 1 or name.endswith("fat_bright")
    assert beginning_knots("fluid_dark_fat_bright")[1][BRIGHTEST] == max(SHAPES["fluid_dark_fat_bright"])
    dark = beginning_knots("brain_bright_lesion_dark")[1]
    assert dark[BRIGHTEST] == min(dark)


def test_the_likeliest_beginning_is_of_the_two_contrasts():
    assert expected_beginnings("flair", "t1") == (
        "fluid_dark_falling_late",
        "fluid_dark_fat_bright",
        "negated",
    )
    assert expected_beginnings("flair", "t1ce") == ("fluid_dark_falling", "fluid_dark_fat_bright", "negated")
    for known in ("t1", "t1ce"):
        assert expected_beginnings(known, "flair") == ("brain_bright_lesion_dark", "negated")
        assert expected_beginnings(known, "t2") == expected_beginnings("t2", known) == ("negated",)


def test_a_curve_begins_about_the_mean_of_its_own_channels_head():
    torch.manual_seed(0)
    x = torch.randn(2, 2, 8, 8) * torch.tensor([3.0, 0.5]).view(1, 2, 1, 1) + 7.0
    head = torch.rand(2, 8, 8) > 0.4
    curve = begin_curve([x[:1], x[1:]], [head[:1], head[1:]], ("fluid_dark_falling", "negated"))
    for c, name in enumerate(("fluid_dark_falling", "negated")):
        inside = x[:, c][head].numpy().astype(np.float64)
        assert head_moments([x], [head], c) == pytest.approx((inside.mean(), inside.std()))
        np.testing.assert_allclose(curve.channels[c].x, inside.mean() + inside.std() * np.array(KNOTS))
        np.testing.assert_allclose(curve.channels[c].y, inside.mean() + inside.std() * np.array(SHAPES[name]))


def test_a_flat_head_deviates_by_one():
    assert head_moments([torch.full((1, 1, 2, 2), 3.0)], [torch.ones(1, 2, 2, dtype=torch.bool)], 0) == (
        3.0,
        1.0,
    )
