from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from napari_osuda.networks import UNet

sys.path.insert(0, str(Path(__file__).parent))


def settle(model: nn.Module, *shape: int) -> nn.Module:
    """Give a network the running statistics and the affine parameters of some source."""
    generator = torch.Generator().manual_seed(1)
    model.train()
    with torch.no_grad():
        for _ in range(5):
            model(torch.randn(*shape, generator=generator) * 1.5 + 0.5)
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


@pytest.fixture
def unet() -> nn.Module:
    torch.manual_seed(0)
    return settle(UNet(2, 3, (4, 8, 8)), 4, 2, 32, 32)


@pytest.fixture
def batches() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    return [torch.randn(n, 2, 32, 32, generator=generator) * 0.7 - 0.4 for n in (4, 4, 3)]
