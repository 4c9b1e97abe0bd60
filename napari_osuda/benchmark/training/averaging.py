"""Averages of trained networks."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from napari_osuda.benchmark.training.slices import TrainingSlices
from napari_osuda.networks import UNet


def average_networks(
    networks: Sequence[UNet], slices: TrainingSlices, batch_size: int = 32, seed: int = 0
) -> UNet:
    """Average the weights of networks, and gather the BatchNorm statistics of the average anew.

    Stochastic weight averaging (Izmailov et al., UAI 2018) over the ends of warm-restarted rounds. The
    statistics that the networks' own moving averages hold belong to none of the averaged weights; these are
    the mean over batches of all slices, once through in a fixed order (Wu & Johnson, 2021).

    Parameters
    ----------
    networks : sequence of UNet
        Of one architecture; left as they are.
    slices : TrainingSlices
        What they were trained on.
    batch_size : int
        Slices a batch of the statistics; a last one that is not full is left out.
    seed : int
        Order of the slices.

    Returns
    -------
    UNet
        In eval mode.
    """
    network = copy.deepcopy(networks[0])
    states = [other.state_dict() for other in networks]
    network.load_state_dict(
        {
            name: torch.stack([state[name] for state in states]).mean(0)
            if value.is_floating_point()
            else value
            for name, value in states[-1].items()
        }
    )
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        # None: the plain mean over all batches in place of a moving one.
        norm.momentum = None
    order = np.random.default_rng(seed).permutation(len(slices))
    network.train()
    with torch.inference_mode():
        for first in range(0, len(order) - batch_size + 1, batch_size):
            batch = slices.images[np.sort(order[first : first + batch_size])]
            network(torch.from_numpy(np.asarray(batch, np.float32)))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return network.eval()
