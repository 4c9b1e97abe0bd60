"""What only a forward pass can tell: the sizes a network takes, and whether its channels are the card's."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from napari_osuda.errors import ModelError
from napari_osuda.method.outputs import main_output
from napari_osuda.models.architectures.measured import measured
from napari_osuda.models.card import ModelCard

__all__ = ["check_channels", "example_for", "forward", "smallest_size"]

_EDGES = {2: (8, 16, 32, 64, 128, 256, 512), 3: (8, 16, 32, 64, 96, 128)}
# A network that keeps this thread at work for longer on sizes that fail is not tried at larger ones.
_SECONDS = 20.0
# Of an image that is only tried; 200 x 200 x 200 is one.
_MOST_VALUES = 2**23
# What rounding leaves of the sum of probabilities.
_SUM = 1e-3
# Logits of a weak network may lie from 0 to 1 by chance. Those of an image so much stronger do not.
_STRONGER = 1e4


def forward(network: nn.Module, channels: int, size: Sequence[int]) -> Tensor | None:
    """The main output for one random image [1, channels, *size], or None where the network fails on it."""
    output = _raw_output(network, channels, size)
    return None if output is None else main_output(output)


@torch.no_grad()
def _raw_output(network: nn.Module, channels: int, size: Sequence[int], times: float = 1.0) -> Any:
    was_training = {module: module.training for module in network.modules()}
    network.eval()
    try:
        image = times * example_for(network, channels, size)
        # Also a class that is known can be made with widths and strides that ask for all memory.
        with measured("The network", image.shape, tried=True):
            return network(image)
    except Exception:  # networks fail in any way on sizes and channels that they do not take
        return None
    finally:
        for module, training in was_training.items():
            module.training = training


def _choice(output: Any) -> str | None:
    """Which of several outputs is taken, in words; None where there is but one."""
    if isinstance(output, Tensor):
        return None
    main = main_output(output)
    if isinstance(output, Mapping):
        key = next((key for key, value in output.items() if value is main), "?")
        return f"The network returns {', '.join(map(str, output))}; '{key}' is taken for the segmentation."
    index = next((i for i, value in enumerate(output) if value is main), 0)
    return f"The network returns {len(output)} outputs; number {index + 1} is taken for the segmentation."


def example_for(network: nn.Module, channels: int, size: Sequence[int]) -> Tensor:
    """A random image [1, channels, *size], always the same, in the dtype and on the device of the network."""
    tensor = next((p for p in network.parameters()), torch.zeros(()))
    generator = torch.Generator().manual_seed(0)
    image = torch.randn((1, channels, *size), generator=generator)
    return image.to(tensor.device, tensor.dtype if tensor.is_floating_point() else None)


def smallest_size(network: nn.Module, channels: int, spatial_dims: int) -> tuple[int, ...] | None:
    """The smallest of the edges 8, 16, 32, ... that the network segments pixel by pixel; None: none.

    The search ends early where the next size would take longer than about 20 s, or an image of it is large.
    """
    for edge in _EDGES[spatial_dims]:
        size = (edge,) * spatial_dims
        if channels * math.prod(size) > _MOST_VALUES:
            return None
        began = time.thread_time()
        output = forward(network, channels, size)
        if output is not None and tuple(output.shape[2:]) == size:
            return size
        if (time.thread_time() - began) * 2**spatial_dims > _SECONDS:
            return None
    return None


def check_channels(network: nn.Module, card: ModelCard) -> tuple[str, ...]:
    """Compare the channels that the card names with those that the network takes and gives.

    Returns
    -------
    tuple of str
        Which output is taken, where the network gives several.

    Raises
    ------
    ModelError
        They differ in number, the network runs on no size or gives another size than that of its image,
        or what it gives is not finite or no probabilities where the card says so.
    """
    channels = len(card.channels)
    first = next(
        (
            (name, module.in_channels)
            for name, module in network.named_modules()
            if isinstance(module, nn.Conv2d | nn.Conv3d) and module.groups == 1
        ),
        None,
    )
    # What the card says is often enough, and costs less than a search.
    said = channels * math.prod(card.minimum) <= _MOST_VALUES
    raw = _raw_output(network, channels, card.minimum) if said else None
    size: Sequence[int] = card.minimum
    if raw is None or tuple(main_output(raw).shape[2:]) != tuple(size):
        found = None if raw is None else card.size
        found = found or smallest_size(network, channels, card.spatial_dims)
        if found is not None:
            raw, size = _raw_output(network, channels, found), found
    output = None if raw is None else main_output(raw)
    if output is None and first is not None and first[1] != channels:
        raise ModelError(
            f"The card names {channels} input channels ({', '.join(card.channels)}), but the network's first "
            f"layer ({first[0]}) takes {first[1]}."
        )
    if output is None or output.dim() != 2 + card.spatial_dims:
        shape = "fails on" if output is None else f"gives {output.dim() - 2} spatial axes for"
        raise ModelError(
            f"The network {shape} a {card.spatial_dims}-D image of {channels} channels at every size tried."
        )
    if output.shape[1] != len(card.output_channels):
        raise ModelError(
            f"The network gives {output.shape[1]} output channels, but the card names "
            f"{len(card.output_channels)} ({', '.join(card.output_channels)})."
        )
    if not torch.isfinite(output).all():
        raise ModelError(
            "The network gives NaN or infinite values for an ordinary image, so its masks would mean "
            "nothing. Its weights are damaged, or belong to another network: use another checkpoint."
        )
    if tuple(output.shape[2:]) != tuple(size):
        raise ModelError(
            f"The network gives {_words(output.shape[2:])} voxels for an image of {_words(size)}, and a mask "
            "needs one for each. Use one that ends in the size of its image."
        )
    _check_activation(output, card, lambda: _raw_output(network, channels, size, _STRONGER))
    choice = _choice(raw)
    return () if choice is None else (choice,)


def _check_activation(output: Tensor, card: ModelCard, of_stronger: Callable[[], Any]) -> None:
    """ModelError where a network's output is probabilities already and the card has them made, or neither.

    A sigmoid of probabilities is above 0.5 everywhere: all of the head would be marked.
    """
    low, high = float(output.min()), float(output.max())
    if (
        card.activation != "none"
        and low < high
        and _are_shares(output, card)
        and (again := of_stronger()) is not None
        and _are_shares(main_output(again), card)
    ):
        raise ModelError(
            f"The network gives probabilities already, and the card has {card.activation} done once more, "
            "which spoils them. Set activation to none."
        )
    if card.activation == "none" and (low < -_SUM or high > 1 + _SUM):
        raise ModelError(
            f"The network gives values from {low:.3g} to {high:.3g}, and the card says that they are "
            "probabilities already. Set activation to softmax or sigmoid."
        )


def _are_shares(output: Tensor, card: ModelCard) -> bool:
    """Whether an output could be probabilities; those of a softmax sum to 1."""
    within = bool(((output >= 0) & (output <= 1)).all())
    return within and (card.activation != "softmax" or bool(((output.sum(dim=1) - 1).abs() < _SUM).all()))


def _words(size: Sequence[int]) -> str:
    return " x ".join(str(n) for n in size)
