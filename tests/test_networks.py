from __future__ import annotations

import pytest
import torch

from napari_osuda.method import find_layers
from napari_osuda.networks import UNet


@pytest.mark.parametrize("features", [(4, 8), (4, 6, 8, 8), (2, 3, 5)])
def test_the_output_has_the_size_of_the_input(features):
    network = UNet(3, 2, features).eval()
    step = 2 ** (len(features) - 1)
    assert network(torch.zeros(2, 3, 2 * step, 3 * step)).shape == (2, 2, 2 * step, 3 * step)


def test_volumes_go_through_a_network_of_three_dimensions():
    network = UNet(1, 3, (2, 4), spatial_dims=3).eval()
    assert network(torch.zeros(2, 1, 4, 6, 8)).shape == (2, 3, 4, 6, 8)
    assert sum(isinstance(m, torch.nn.BatchNorm3d) for m in network.modules()) == 6
    with pytest.raises(ValueError, match="2 or 3"):
        UNet(1, 2, (2, 4), spatial_dims=1)


def test_two_norms_a_block_and_a_block_a_level_each_way():
    layers = find_layers(UNet(1, 2, (4, 8, 16)), torch.zeros(1, 1, 8, 8))
    assert [layer.channels for layer in layers] == [4, 4, 8, 8, 16, 16, 8, 8, 4, 4]


def test_a_single_level_is_refused():
    with pytest.raises(ValueError, match="at least two levels"):
        UNet(1, 2, (8,))
