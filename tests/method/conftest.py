from __future__ import annotations

import pytest
import torch
from method_reference import settle
from torch import nn

from napari_osuda.method.computing import arithmetic
from napari_osuda.networks import UNet


@pytest.fixture(autouse=True)
def _in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """References are met to float32's precision, whatever the processor would choose."""
    monkeypatch.setattr(arithmetic, "has_bfloat16", lambda device: False)


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
