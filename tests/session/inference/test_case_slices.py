from __future__ import annotations

import pytest

from napari_osuda.imaging import Knots, SliceStack
from napari_osuda.models import ModelCard
from napari_osuda.session.inference.case_slices import maps_of, parts, slice_spec, with_maps

CURVE = Knots((-1.0, 0.0, 1.0), (1.0, 0.0, -1.0))


def test_the_preprocessing_of_a_card_is_a_spec(model):
    spec, card = slice_spec(model.card), model.card
    assert (spec.plane, spec.orientation, spec.step, spec.minimum) == (
        card.plane, card.orientation, card.step, card.minimum
    )  # fmt: skip
    assert spec.normalization == card.normalisation
    assert spec.intensity_maps is None


@pytest.mark.parametrize("maps", [("inverted",), (CURVE,)])
def test_maps_go_into_a_card_and_come_back(model, maps):
    card = with_maps(model.card, maps)
    assert maps_of(card) == maps
    assert maps_of(model.card) is None
    assert maps_of(ModelCard.model_validate(card.model_dump())) == maps


def test_a_case_goes_through_in_its_slices_with_brain(model, case):
    stack = SliceStack(case, slice_spec(model.card))
    assert parts(stack, model.card) == int(stack.foreground.sum()) == 7
