"""A batch through a network in parts: on a processor small ones are faster, on a GPU large ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from napari_osuda.method.computing.arithmetic import output_of

__all__ = ["through"]

# Pixels that go through together on a processor. Larger tensors are given back to the system each time, and
# fetching them again costs a sixth of a pass.
_PIXELS = 2**17


def through(network: nn.Module, x: Tensor) -> Tensor:
    """A network's main output [B, K, ...] for a batch [B, C, ...], the same to rounding as all at once."""
    size = len(x) if x.device.type != "cpu" else _PIXELS // max(x.shape[2:].numel(), 1)
    outputs = [output_of(network, part) for part in torch.split(x, max(size, 1))]
    return outputs[0] if len(outputs) == 1 else torch.cat(outputs)
