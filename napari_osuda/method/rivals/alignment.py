"""GraTa: learn from consistency, as far as its gradient agrees with that of the entropy.

Chen et al., Gradient Alignment Improves Test-Time Adaptation for Medical Image Segmentation, AAAI 2025.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_osuda.method.losses import Activation
from napari_osuda.method.outputs import probabilities

__all__ = ["aligned_gradient", "consistency_loss", "strong_style", "views"]

_TINY = 1e-12
# Our reading of the "strong" augmentation for normalized MRI: contrast, brightness, noise in standard scores.
_CONTRAST, _BRIGHTNESS, _NOISE = 0.3, 0.3, 0.1


def aligned_gradient(
    parameters: Sequence[nn.Parameter],
    batch: Tensor,
    predict: Callable[[Tensor], Tensor],
    activation: Activation,
    generator: torch.Generator,
) -> tuple[Tensor, float]:
    """Put the pseudo gradient into the parameters, and say how far it may be followed.

    Parameters
    ----------
    parameters : sequence of nn.Parameter
        With the gradient of the auxiliary loss (the entropy), which is replaced.
    batch : Tensor, shape [B, C, ...]
    predict : callable
        From a batch to the network's output [B, K, ...], with gradient.
    activation : {"softmax", "sigmoid", "none"}
    generator : torch.Generator
        Of the augmentation; on the CPU.

    Returns
    -------
    loss : Tensor, scalar
        The consistency, at the weights after a full step along the entropy's gradient.
    rate : float
        (1 + cos)^2 / 4 of the two gradients: 1 where they agree, 0 where they are opposed.
    """
    moved = [p for p in parameters if p.grad is not None]
    auxiliary = [p.grad.clone() for p in moved if p.grad is not None]
    before = [p.detach().clone() for p in moved]
    try:
        with torch.no_grad():
            for p, g in zip(moved, auxiliary, strict=True):
                p.sub_(g)
                p.grad = None
            seen = [undo(probabilities(predict(turn(batch)), activation)) for turn, undo in views(batch)]
            target = torch.stack(seen).mean(dim=0)
        loss = consistency_loss(predict(strong_style(batch, generator)), target, activation)
        loss.backward()  # type: ignore[no-untyped-call]
    finally:
        with torch.no_grad():
            for p, old in zip(moved, before, strict=True):
                p.copy_(old)
    pseudo = [torch.zeros_like(p) if p.grad is None else p.grad for p in moved]
    inner = sum(float((a * b).sum()) for a, b in zip(auxiliary, pseudo, strict=True))
    lengths = [sum(float(g.square().sum()) for g in gradients) ** 0.5 for gradients in (auxiliary, pseudo)]
    cosine = inner / (lengths[0] * lengths[1] + _TINY)
    return loss.detach(), (1.0 + cosine) ** 2 / 4.0


def views(batch: Tensor) -> Iterator[tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]]:
    """The image as it is, mirrored along each axis and, where it is square, turned: each with its inverse."""
    yield torch.clone, torch.clone
    for axis in range(2, batch.dim()):
        mirror = partial(torch.flip, dims=(axis,))
        yield mirror, mirror
    if batch.shape[-1] == batch.shape[-2]:
        for quarter in (1, 2, 3):
            yield (
                partial(torch.rot90, k=quarter, dims=(-2, -1)),
                partial(torch.rot90, k=-quarter, dims=(-2, -1)),
            )


def strong_style(batch: Tensor, generator: torch.Generator) -> Tensor:
    """Another contrast, brightness and noise for each image of a batch [B, C, ...]; its shape stays."""
    ones = (len(batch), *(1,) * (batch.dim() - 1))
    contrast = 1.0 + _CONTRAST * (2.0 * torch.rand(ones, generator=generator) - 1.0)
    brightness = _BRIGHTNESS * (2.0 * torch.rand(ones, generator=generator) - 1.0)
    noise = _NOISE * torch.randn(batch.shape, generator=generator)
    return batch * contrast.to(batch) + brightness.to(batch) + noise.to(batch)


def consistency_loss(output: Tensor, target: Tensor, activation: Activation) -> Tensor:
    """Cross-entropy of a prediction with soft labels: mean over pixels (and independent channels), nats."""
    if activation == "sigmoid":
        return F.binary_cross_entropy_with_logits(output.float(), target)
    if activation == "softmax":
        return -(target * F.log_softmax(output.float(), dim=1)).sum(dim=1).mean()
    p = output.float().clamp(torch.finfo(torch.float32).tiny, 1.0)
    if output.shape[1] == 1:
        return F.binary_cross_entropy(p, target)
    return -(target * p.log()).sum(dim=1).mean()
