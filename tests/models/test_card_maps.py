from __future__ import annotations

import pytest
from pydantic import ValidationError

from napari_osuda.models.card_maps import CurveKnots, read_map


def test_a_name_is_read_and_that_of_an_earlier_release_too():
    assert read_map("inverted") == read_map("turned") == "inverted"
    with pytest.raises(ValueError, match="must be one of identity"):
        read_map("upside down")


def test_a_curve_is_read_from_its_knots():
    curve = read_map({"x": [0.0, 1.0], "y": [1.0, 0.0]})
    assert isinstance(curve, CurveKnots)
    assert read_map(curve) is curve


@pytest.mark.parametrize(
    "knots",
    [{"x": [0.0, 1.0], "y": [1.0]}, {"x": [1.0, 0.0], "y": [0.0, 1.0]}, {"x": [0.0, 0.0], "y": [0.0, 1.0]},
     {"x": [0.0, float("nan")], "y": [0.0, 1.0]}, {"x": [0.0, 1.0]}, {"x": [0.0, 1e9], "y": [0.0, 1.0]}],
)  # fmt: skip
def test_what_is_no_curve_is_refused(knots):
    with pytest.raises(ValueError, match="a curve needs the lists x"):
        read_map(knots)


def test_no_other_key_stands_in_a_curve():
    with pytest.raises(ValidationError):
        CurveKnots(x=(0.0, 1.0), y=(0.0, 1.0), code="import os")
