from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from method_reference import settle
from torch import nn

from napari_osuda.method import loop, report, training
from napari_osuda.method.computing import arithmetic, finite, queue
from napari_osuda.networks import UNet


@pytest.fixture(autouse=True)
def _in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """References are met to float32's precision, whatever the processor would choose."""
    monkeypatch.setattr(arithmetic, "has_bfloat16", lambda device: False)


@pytest.fixture
def queue_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Has the processor taken for a GPU with a queue; what is then waited for is noted in a list."""

    def take() -> list[str]:
        waits: list[str] = []

        def arriving(flat: torch.Tensor) -> queue.Arrival:
            copied = flat.clone()

            def read() -> np.ndarray:
                waits.append("report")
                return np.from_dlpack(copied)

            return read

        for module in (queue, report, training, finite):
            monkeypatch.setattr(module, "has_queue", lambda device: True)
        monkeypatch.setattr(report, "arriving", arriving)
        monkeypatch.setattr(loop, "timed", lambda device: lambda: lambda: 0.5)
        monkeypatch.setattr(loop, "sent", lambda x, device: x)
        return waits

    return take


@pytest.fixture
def unet() -> nn.Module:
    torch.manual_seed(0)
    return settle(UNet(2, 3, (4, 8, 8)), 4, 2, 32, 32)


@pytest.fixture
def batches() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    return [torch.randn(n, 2, 32, 32, generator=generator) * 0.7 - 0.4 for n in (4, 4, 3)]


@pytest.fixture
def heads(batches) -> list[torch.Tensor]:
    masks = []
    for batch in batches:
        mask = torch.zeros(len(batch), 32, 32, dtype=torch.bool)
        mask[:, 5:27, 3:29] = True
        masks.append(mask)
    return masks
