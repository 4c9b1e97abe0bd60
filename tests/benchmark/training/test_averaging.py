from __future__ import annotations

import copy

import numpy as np
import torch

from napari_osuda.benchmark.training.averaging import average_networks
from napari_osuda.benchmark.training.slices import TrainingSlices
from napari_osuda.networks import UNet


def test_the_average_has_the_mean_weights_and_statistics_of_its_own():
    torch.manual_seed(0)
    first, second = (UNet(1, 2, (2, 3)).eval() for _ in range(2))
    before = copy.deepcopy(first.state_dict())
    images = np.random.default_rng(0).normal(2, 3, (8, 1, 8, 8)).astype(np.float16)
    slices = TrainingSlices(images, np.zeros((8, 8, 8), np.uint8))
    network = average_networks([first, second], slices, batch_size=4)
    torch.testing.assert_close(network.head.weight, (first.head.weight + second.head.weight) / 2)
    # Two batches of half the slices each: the mean of their means is the mean of all.
    entered = network.encoders[0][0](torch.from_numpy(images.astype(np.float32)))
    torch.testing.assert_close(
        network.encoders[0][1].running_mean, entered.mean((0, 2, 3)), rtol=1e-4, atol=1e-4
    )
    assert network.encoders[0][1].momentum == first.encoders[0][1].momentum
    assert not network.training
    for key, value in first.state_dict().items():
        assert torch.equal(value, before[key]), key
