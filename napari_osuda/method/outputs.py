"""What networks return, brought to one tensor, to probabilities and to shares of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from napari_osuda.errors import ModelError
from napari_osuda.method.losses import Activation

__all__ = ["at_least_single", "class_fractions", "main_output", "probabilities"]

# The keys under which segmentation networks of the common libraries return their main output.
_MAIN_KEYS = ("out", "logits", "pred", "output", "main")


def main_output(output: Any) -> Tensor:
    """The segmentation among what a network returns.

    A tensor is itself; of a mapping, the value under "out", "logits", "pred", "output" or "main", else
    the first that holds a tensor. Of a tuple or list, the largest image in voxels, and the last of several
    of the same shape: deep supervision gives its coarser heads along, in either order, and of heads of the
    same shape (UNet++) the last is the deepest. Another image of that size (a reconstruction) has other
    channels than the segmentation before it.

    Raises
    ------
    ModelError
        There is no tensor in it.
    """
    if isinstance(output, Tensor):
        return output
    if isinstance(output, Mapping):
        named = [output[key] for key in _MAIN_KEYS if key in output]
        for candidate in [*named, *output.values()]:
            if _holds_tensor(candidate):
                return main_output(candidate)
    elif isinstance(output, Sequence):
        found = [main_output(inner) for inner in output if _holds_tensor(inner)]
        if found:
            largest = max(found, key=lambda image: image.shape[2:].numel() if image.dim() > 3 else 0)
            return [image for image in found if image.shape == largest.shape][-1]
    raise ModelError(f"The network returns {type(output).__name__}, which holds no tensor to segment with.")


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, Mapping):
        value = list(value.values())
    return isinstance(value, Tensor) or (isinstance(value, list | tuple) and any(map(_holds_tensor, value)))


def at_least_single(x: Tensor) -> Tensor:
    """The same values in float32 where they are of a half precision."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


def probabilities(output: Tensor, activation: Activation) -> Tensor:
    """Probabilities [B, K, ...] float32 from a network's output of that shape."""
    output = at_least_single(output)
    if activation == "softmax":
        return output.softmax(dim=1)
    return output.sigmoid() if activation == "sigmoid" else output


@torch.no_grad()
def class_fractions(output: Tensor, activation: Activation) -> Tensor:
    """Share of the pixels that each of the K channels claims: [K], float32.

    By argmax where the channels exclude each other; for independent channels (sigmoid, or a single
    one), the share above 0.5.
    """
    channels = output.shape[1]
    if activation == "sigmoid" or channels == 1:
        claimed = probabilities(output, activation) > 0.5
        return claimed.transpose(0, 1).flatten(1).float().mean(dim=1)
    # Channel by channel: torch's argmax over a dimension that is not the last is many times slower on a CPU.
    best = output[:, 0]
    winner = torch.zeros_like(best, dtype=torch.int16)
    for k in range(1, channels):
        winner.masked_fill_(output[:, k] > best, k)
        best = torch.maximum(best, output[:, k])
    # Not by bincount, which has a GPU tell the processor how many there are.
    counts = torch.stack([(winner == k).sum() for k in range(channels)])
    return counts.float() / winner.numel()
