from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_osuda.imaging import Grid, SliceStack, case_from_arrays
from napari_osuda.session.guard.changes import moved
from napari_osuda.session.guard.evidence import each_as, result_of
from napari_osuda.session.guard.looking import LOOKED_AT, THINNED, LookedAt, most_again, segmented
from napari_osuda.session.inference.case_slices import slice_spec
from napari_osuda.session.inference.outputs import Outputs


def looked(work):
    """What a pass returns, and how many parts went through the network."""
    parts = []
    return result_of(each_as(work, parts.append)), sum(parts)


@pytest.fixture
def network(model):
    return model.network.eval()


@pytest.fixture
def stack(model, case):
    return SliceStack(case, slice_spec(model.card))


def test_a_few_slices_stand_for_a_case_evenly_spaced(model, stack):
    case = LookedAt(stack, model.card)
    np.testing.assert_array_equal(case.all, np.flatnonzero(stack.foreground))
    assert len(case.thinned) <= THINNED
    assert len(set(np.diff(case.thinned))) <= 1


@pytest.mark.parametrize(("slices", "most"), [(20, 24), (72, 24), (73, 12), (400, 12)])
def test_of_a_case_with_many_slices_fewer_are_segmented_again(model, slices, most):
    """A case with no more slices than those that the estimator was fitted on is looked at as they were."""
    data = np.ones((8, 8, slices), np.float32) + np.arange(slices, dtype=np.float32)
    stack = SliceStack(
        case_from_arrays("c", dict.fromkeys(model.card.channels, data), Grid(data.shape, np.eye(4))),
        slice_spec(model.card),
    )
    assert most_again(stack) == most_again(stack.thinned(LOOKED_AT)) == most
    assert len(LookedAt(stack.thinned(LOOKED_AT), model.card).thinned) <= most


@pytest.mark.parametrize("ways", [("straight",), ("averaged",), ("straight", "averaged")])
def test_nothing_goes_through_a_network_that_is_known_and_the_figures_are_the_same_bits(
    model, network, stack, ways
):
    card = model.card
    if "averaged" in ways:
        card = card.model_copy(update={"mirror_averaging": True})
    outputs, places = Outputs(), np.arange(int(stack.foreground.sum()))
    alone, parts = looked(segmented(network, LookedAt(stack, card), places, ways))
    assert parts == len(places) * (2 if "averaged" in ways else 1)
    # Of the way of the card, which comes last.
    keeping = LookedAt(stack, card, outputs=outputs)
    _, parts = looked(segmented(network, keeping, places, ways[-1:]))
    assert parts == len(places) * (2 if "averaged" in ways else 1)
    straight = LookedAt(stack, model.card, outputs=outputs)
    looked(segmented(network, straight, places, ("straight",)))
    again, parts = looked(segmented(network, keeping, places, ways))
    assert parts == 0
    for way in ways:
        np.testing.assert_array_equal(again[way], alone[way])


def test_of_a_changed_image_nothing_is_known_and_nothing_kept(model, network, stack):
    outputs, places = Outputs(), np.arange(int(stack.foreground.sum()))
    case = LookedAt(stack, model.card, outputs=outputs)
    looked(segmented(network, case, places, ("straight",), moved()))
    assert not outputs.known(network, stack, "straight")
    looked(segmented(network, case, places, ("straight",)))
    _, parts = looked(segmented(network, case, places, ("straight",), moved()))
    assert parts == len(places)


def test_the_straight_pass_is_shared_with_the_averaged_one(model, network, stack):
    card = model.card.model_copy(update={"mirror_averaging": True})
    outputs, places = Outputs(), np.arange(int(stack.foreground.sum()))
    looked(segmented(network, LookedAt(stack, model.card, outputs=outputs), places, ("straight",)))
    case = LookedAt(stack, card, outputs=outputs)
    found, parts = looked(segmented(network, case, places, ("straight", "averaged")))
    assert parts == len(places)
    alone, _ = looked(segmented(network, LookedAt(stack, card), places, ("straight", "averaged")))
    for way, p in alone.items():
        np.testing.assert_array_equal(found[way], p)
    assert all(isinstance(one, torch.Tensor) for one in outputs.known(network, stack, "averaged").values())
