"""Eqs. 1 and 3 to 6 once more, in float64 and as plainly as they are printed: what the method must equal."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def batch_moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of each channel of [B, C, ...], float64."""
    flat = x.double().transpose(0, 1).flatten(1)
    mean = flat.sum(1) / flat.shape[1]
    return mean, ((flat - mean[:, None]) ** 2).sum(1) / flat.shape[1]


def eta(t: int, eta0: float, tau: float) -> float:
    return eta0 * math.exp(-t / tau)


def mixed(batch: Tensor, source: Tensor, share: float) -> Tensor:
    return (1 - share) * batch + share * source


def normalized(x: Tensor, mean: Tensor, var: Tensor, gamma: Tensor, beta: Tensor, eps: float) -> Tensor:
    """Eq. 1."""
    shape = (1, -1, *(1,) * (x.dim() - 2))
    scale = (gamma / torch.sqrt(var + eps)).view(shape)
    return (x - mean.view(shape)) * scale + beta.view(shape)


def distance(mean_k: Tensor, var_k: Tensor, mean_t: Tensor, var_t: Tensor, eps: float) -> Tensor:
    """Eq. 5."""
    return (mean_k / torch.sqrt(var_k + eps) - mean_t / torch.sqrt(var_t + eps)).abs()


def transferability(d: Tensor) -> Tensor:
    inverse = 1 / (1 + d)
    return len(d) * inverse / inverse.sum()


def hbs(gamma: Tensor, beta: Tensor, gamma_k: Tensor, beta_k: Tensor, alpha: Tensor) -> float:
    """Eq. 4."""
    total = 0.0
    for c in range(len(gamma)):
        total += float((1 + alpha[c]) * (abs(gamma_k[c] - gamma[c]) + abs(beta_k[c] - beta[c])))
    return total


def softmax_entropy(logits: Tensor) -> float:
    """Eq. 6, with the minus sign."""
    p = torch.softmax(logits.detach().double(), 1)
    return float(-(p * torch.log(p)).sum(1).mean())


def sigmoid_entropy(logits: Tensor) -> float:
    p = torch.sigmoid(logits.double())
    return float(-(p * torch.log(p) + (1 - p) * torch.log(1 - p)).mean())


class Mixed(nn.Module):
    """A BatchNorm that normalizes by eq. 3 in the model's own (float64) arithmetic and notes what it saw."""

    def __init__(self, norm: nn.Module, share: float) -> None:
        super().__init__()
        self.norm, self.share = norm, share
        self.d: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        n = self.norm
        dims = [i for i in range(x.dim()) if i != 1]
        mean = mixed(x.mean(dims), n.running_mean, self.share)
        var = mixed(x.var(dims, correction=0), n.running_var, self.share)
        self.d = distance(n.running_mean, n.running_var, mean.detach(), var.detach(), n.eps)
        gamma = torch.ones_like(mean) if n.weight is None else n.weight
        beta = torch.zeros_like(mean) if n.bias is None else n.bias
        return normalized(x, mean, var, gamma, beta, n.eps)


def with_mixed_norms(model: nn.Module, share: float) -> nn.Module:
    """The float64 model with each BatchNorm of it, at any depth, replaced by a :class:`Mixed`."""
    for name, child in list(model.named_children()):
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            setattr(model, name, Mixed(child, share))
        else:
            with_mixed_norms(child, share)
    return model


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


def mismatch_by_hooks(model: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """|mu - mu_K| / sigma_K + |log(sigma / sigma_K)| of each BatchNorm, as plainly as it is written."""
    found = []

    def hook(norm: nn.Module, args: tuple[torch.Tensor]) -> None:
        mean, var = batch_moments(args[0])
        sigma_k, sigma = (norm.running_var + norm.eps).sqrt(), (var + norm.eps).sqrt()
        found.append((mean - norm.running_mean).abs() / sigma_k + torch.log(sigma / sigma_k).abs())

    handles = [
        m.register_forward_pre_hook(hook)
        for m in model.modules()
        if isinstance(m, nn.modules.batchnorm._BatchNorm)
    ]
    model(x)
    for handle in handles:
        handle.remove()
    return found
