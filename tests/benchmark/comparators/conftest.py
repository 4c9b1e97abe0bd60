"""A source segmenter that knows bright discs, and discs of an inverted contrast."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from comparator_parts import discs

from napari_osuda.benchmark.comparators.loop import Domains
from napari_osuda.benchmark.comparators.settings import Setting
from napari_osuda.benchmark.training import TrainingSlices, segmentation_loss
from napari_osuda.networks import UNet


@pytest.fixture(scope="session")
def toy():
    """A trained source segmenter, what comparators learn from, and what they are judged on."""
    images, mask = discs(64, 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        source = UNet(1, 2, (4, 8, 8))
    optimizer = torch.optim.Adam(source.parameters(), lr=1e-2)
    for first in [0, 16, 32, 48] * 10:
        batch = slice(first, first + 16)
        loss = segmentation_loss(
            source(torch.from_numpy(images[batch].astype(np.float32))),
            torch.from_numpy(mask[batch].astype(np.int64)),
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    target, truth = discs(48, 2, inverted=True)
    return source.eval(), Domains(TrainingSlices(images, mask), target), truth


@pytest.fixture
def tiny():
    """A setting of a few seconds."""

    def make(**changes):
        plain = {
            "iterations": 60, "batch_size": 8, "width": 4, "blocks": 1, "discriminator_width": 4,
            "discriminator_layers": 1, "half_precision": False,
        }  # fmt: skip
        return Setting(**plain | changes)

    return make
