"""The network's BN layers as the method counts them: executed ones, each once, in order of execution."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from napari_osuda.errors import NotAdaptableError
from napari_osuda.method.normalization import BatchNormCall, InterceptBatchNorm

__all__ = ["BoundLayer", "NormLayer", "bind_layers", "find_layers"]


@dataclass(frozen=True)
class NormLayer:
    """One BN layer.

    Attributes
    ----------
    name : str
        Dotted name of the module (its first, where it has several).
    kind : str
        Class of the module, such as "BatchNorm2d".
    channels : int
        C_l.
    offset : int
        Where its channels start among all N.
    affine : bool
        Whether it has gamma and beta.
    eps : float
        Its own eps of eq. 1.
    """

    name: str
    kind: str
    channels: int
    offset: int
    affine: bool
    eps: float


@dataclass(frozen=True)
class BoundLayer:
    """A :class:`NormLayer` with the tensors of the network that it stands for, each [C].

    ``executions`` is how often one forward pass runs it, ``size`` the elements of its input for each
    element of the network's.
    """

    info: NormLayer
    running_mean: Tensor
    running_var: Tensor
    weight: Tensor | None
    bias: Tensor | None
    executions: int
    size: float


def find_layers(model: nn.Module, example: Tensor) -> tuple[NormLayer, ...]:
    """The BN layers that a forward pass executes, in the order of their first execution.

    Parameters
    ----------
    model : nn.Module
        Left as it is.
    example : Tensor, shape [B, C, H, W] or [B, C, D, H, W]
        One batch to send through; its values do not matter.

    Raises
    ------
    NotAdaptableError
        There is none, or one that stores no statistics of the source.
    """
    return tuple(layer.info for layer in bind_layers(model, example))


def bind_layers(model: nn.Module, example: Tensor) -> tuple[BoundLayer, ...]:
    """As :func:`find_layers`, with the tensors."""
    owners = {
        id(module.running_mean): (name, module)
        for name, module in reversed(list(model.named_modules()))
        if isinstance(getattr(module, "running_mean", None), Tensor)
    }
    calls: dict[int, BatchNormCall] = {}
    executions: Counter[int] = Counter()
    unstored: list[BatchNormCall] = []

    def note(call: BatchNormCall) -> None:
        if call.running_mean is None or call.running_var is None:
            unstored.append(call)
        else:
            calls.setdefault(id(call.running_mean), call)
            executions[id(call.running_mean)] += 1

    was_training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad(), InterceptBatchNorm(note):
            model(example)
    finally:
        for module, training in was_training.items():
            module.training = training
    if unstored:
        raise NotAdaptableError(
            f"{len(unstored)} of this network's BatchNorm layers store no running statistics "
            f"({', '.join(_unstored_names(model)[:3]) or 'track_running_stats=False'}), so nothing is known "
            "of the source there. Export the model with track_running_stats=True."
        )
    if not calls:
        raise NotAdaptableError(_why_none(model))
    layers: list[BoundLayer] = []
    offset = 0
    for key, call in calls.items():
        assert call.running_mean is not None
        assert call.running_var is not None
        name, module = owners.get(key, (f"batch_norm_{len(layers)}", None))
        kind = "batch_norm" if module is None else type(module).__name__
        channels = call.running_mean.numel()
        info = NormLayer(name, kind, channels, offset, call.weight is not None, call.eps)
        size = executions[key] * call.x.numel() / example.numel()
        layers.append(
            BoundLayer(
                info, call.running_mean, call.running_var, call.weight, call.bias, executions[key], size
            )
        )
        offset += channels
    return tuple(layers)


def _unstored_names(model: nn.Module) -> list[str]:
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is None
    ]


def _why_none(model: nn.Module) -> str:
    others = [
        (name, type(module).__name__)
        for name, module in model.named_modules()
        if "Norm" in type(module).__name__ and not any(module.children())
    ]
    if not others:
        return (
            "This network has no normalization layers that store statistics of the source, so there is "
            "nothing for OSUDA to adapt. It needs a network with BatchNorm."
        )
    kind, count = Counter(kind for _, kind in others).most_common()[0]
    first = next(name for name, k in others if k == kind)
    if "BatchNorm" in kind:
        return (
            f"This network has {count} {kind} layers (first: {first}), but running it executes none of "
            "them, so there is nothing for OSUDA to adapt."
        )
    return (
        f"This network normalizes with {kind}, which stores no source statistics, so there is nothing for "
        f"OSUDA to adapt. {count} {kind} layers, first: {first}. It needs a network with BatchNorm."
    )
