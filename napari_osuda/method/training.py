"""What of a network is trained, by which optimizer, and in which order the target is gone through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from napari_osuda.errors import CaseError, ConfigError
from napari_osuda.method.computing.queue import has_queue
from napari_osuda.method.config import AdaptationConfig
from napari_osuda.method.layers import BoundLayer

__all__ = ["cycle", "first_of", "optimizer", "trained_parameters"]


def first_of(batches: Iterable[Tensor]) -> Tensor:
    """The first batch of a target.

    Raises
    ------
    ConfigError
        The batches can be gone through only once.
    CaseError
        There is none, or nothing in it.
    """
    if iter(batches) is batches:
        raise ConfigError("The batches must be re-iterable, such as a list: they are used many times.")
    first = next(iter(batches), None)
    if first is None or first.numel() == 0:
        raise CaseError("There is nothing to adapt to: the target holds no slice with brain in it.")
    return first


def trained_parameters(
    model: nn.Module, bound: tuple[BoundLayer, ...], config: AdaptationConfig
) -> list[nn.Parameter]:
    """The parameters that ``config.parameters`` chooses; they alone require a gradient from now on."""
    affine = {id(p) for layer in bound for p in (layer.weight, layer.bias)}
    chosen = [p for p in model.parameters() if config.parameters == "all" or id(p) in affine]
    model.requires_grad_(False)
    for parameter in chosen:
        parameter.requires_grad_(True)
    return chosen


def optimizer(parameters: list[nn.Parameter], config: AdaptationConfig) -> torch.optim.Optimizer:
    """The optimizer of the settings, without weight decay."""
    # A network without gamma and beta has nothing to train under parameters="affine"; its statistics move.
    parameters = parameters or [nn.Parameter(torch.zeros(()))]
    # Where there is a queue, a fused one: it can be told on the GPU itself to leave all as it is.
    fused = has_queue(parameters[0].device) or None
    if config.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=config.learning_rate, weight_decay=0.0, fused=fused)
    momentum = config.sgd_momentum
    return torch.optim.SGD(
        parameters, lr=config.learning_rate, weight_decay=0.0, momentum=momentum, nesterov=momentum > 0.0,
        fused=fused,
    )  # fmt: skip


def cycle(batches: Iterable[Tensor]) -> Iterator[Tensor]:
    """The batches over and over."""
    while True:
        yield from batches
