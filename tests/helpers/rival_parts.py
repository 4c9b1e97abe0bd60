"""BN layers and their affine parameters, of any network."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


def norms(model: nn.Module) -> list[nn.BatchNorm2d]:
    return [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]


def affine_of(model: nn.Module) -> list[nn.Parameter]:
    model.requires_grad_(False)
    return [p for m in norms(model) for p in (m.weight.requires_grad_(), m.bias.requires_grad_())]


class OtherNorm(nn.Module):
    """Normalizes by statistics under names of its own, which are no BN layer's: left as it is."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("level", torch.linspace(-1, 1, channels))
        self.register_buffer("spread", torch.linspace(0.5, 2, channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.batch_norm(x, self.level, self.spread)
