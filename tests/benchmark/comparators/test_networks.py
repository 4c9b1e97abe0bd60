from __future__ import annotations

import pytest
import torch

from napari_osuda.benchmark.comparators.methods import make_comparator
from napari_osuda.benchmark.comparators.networks import decode, encode, frozen, levels
from napari_osuda.errors import ModelError
from napari_osuda.networks import UNet


def test_the_two_halves_of_a_unet_are_the_network(toy):
    source, _, _ = toy
    images = torch.randn(2, 1, 16, 16)
    with torch.no_grad():
        assert torch.equal(decode(source, encode(source, images)), source(images))


def test_gradients_go_through_what_is_frozen():
    layer, images = torch.nn.Conv2d(1, 1, 1), torch.ones(1, 1, 2, 2, requires_grad=True)
    with frozen(layer):
        layer(images).sum().backward()
    assert images.grad is not None
    assert layer.weight.grad is None
    assert layer.weight.requires_grad


def test_another_network_than_ours_cannot_be_taken_apart(tiny):
    with pytest.raises(ModelError, match="this one is a Conv2d"):
        make_comparator("sifa", torch.nn.Conv2d(1, 2, 1), 1, 2, tiny())


def test_the_levels_of_a_unet_are_its_features():
    assert levels(UNet(1, 2, (2, 4, 4, 8))) == (2, 4, 4, 8)
