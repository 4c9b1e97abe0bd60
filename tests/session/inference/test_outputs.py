from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_osuda.imaging import SliceStack
from napari_osuda.session.inference.case_slices import slice_spec
from napari_osuda.session.inference.outputs import Outputs, goes_by_slices
from napari_osuda.session.inference.prediction import predicted


class Counting(torch.nn.Module):
    """Tells how many slices have gone through a network."""

    def __init__(self, network):
        super().__init__()
        self.network, self.slices = network, 0

    def forward(self, x):
        self.slices += len(x)
        return self.network(x)


@pytest.fixture
def network(model):
    return Counting(model.network.eval())


@pytest.fixture
def stack(model, case):
    return SliceStack(case, slice_spec(model.card))


def mask_of(network, stack, card, **how):
    *_, mask = predicted(network, stack, card, **how)
    return mask


@pytest.mark.parametrize("count", [1, 3, 7])
def test_what_is_known_does_not_go_through_the_network_and_the_mask_is_the_same(network, stack, model, count):
    outputs, seen = Outputs(), {}
    few = stack.thinned(count)
    mask = mask_of(network, stack, model.card, keep=outputs.keeping(network, few, "straight"))
    known = outputs.known(network, stack, "straight")
    assert sorted(known) == np.flatnonzero(few.foreground).tolist()
    network.slices = 0
    watch = lambda chosen, p: seen.update(zip(chosen.tolist(), p, strict=True))  # noqa: E731
    again = mask_of(network, stack, model.card, known=known, watch=watch)
    np.testing.assert_array_equal(again, mask)
    assert network.slices == int(stack.foreground.sum()) - len(known)
    assert sorted(seen) == np.flatnonzero(stack.foreground).tolist()


def test_outputs_are_those_of_one_network_one_case_one_preprocessing_and_one_way(network, stack, model, case):
    outputs = Outputs()
    mask_of(network, stack, model.card, keep=outputs.keeping(network, stack, "straight"))
    assert outputs.known(network, stack, "straight")
    assert outputs.known(network, stack.thinned(2), "straight")
    other = SliceStack(case, slice_spec(model.card))
    assert not outputs.known(network, other, "straight")
    assert not outputs.known(network, stack, "averaged")
    assert not outputs.known(Counting(model.network), stack, "straight")
    outputs.clear()
    assert not outputs.known(network, stack, "straight")


def test_no_more_is_kept_than_there_is_room_for(network, stack, model):
    one = 2 * stack.shape[0] * stack.shape[1] * 4
    count = int(stack.foreground.sum())
    room = Outputs(most=one * count)
    mask_of(network, stack, model.card, keep=room.keeping(network, stack, "straight", 0.5), batch_size=2)
    assert len(room.known(network, stack, "straight")) == count // 2
    # What is kept already is not kept twice.
    mask_of(network, stack, model.card, keep=room.keeping(network, stack, "straight"), batch_size=2)
    assert len(room.known(network, stack, "straight")) == stack.foreground.sum()
    # There is no room for a second way, and the first stays.
    mask_of(network, stack, model.card, keep=room.keeping(network, stack, "averaged"), batch_size=2)
    assert not room.known(network, stack, "averaged")
    assert len(room.known(network, stack, "straight")) == stack.foreground.sum()
    room.clear()
    mask_of(network, stack, model.card, keep=room.keeping(network, stack, "averaged"))
    assert len(room.known(network, stack, "averaged")) == stack.foreground.sum()


def test_what_goes_through_a_network_in_windows_is_not_kept(network, model, case):
    card = model.card.model_copy(update={"window": (8, 8)})
    stack = SliceStack(case, slice_spec(card))
    assert not goes_by_slices(stack)
    outputs = Outputs()
    mask_of(network, stack, card, keep=outputs.keeping(network, stack, "straight"))
    assert not outputs.known(network, stack, "straight")
