"""BN layers and their affine parameters, of any network."""

from __future__ import annotations

from torch import nn


def norms(model: nn.Module) -> list[nn.BatchNorm2d]:
    return [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]


def affine_of(model: nn.Module) -> list[nn.Parameter]:
    model.requires_grad_(False)
    return [p for m in norms(model) for p in (m.weight.requires_grad_(), m.bias.requires_grad_())]
