"""Small changes of a network's image that leave what is seen in it: a mask that holds follows them."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Change", "mirrored", "moved", "noisy"]

# Pixels along both axes: no multiple of a pooling layer's step.
_MOVED = 3
# Standard deviation of the noise, in those of the network's image.
_NOISE = 0.1

Probability = NDArray[np.float16]


@dataclass(frozen=True)
class Change:
    """A change and its inverse.

    Attributes
    ----------
    change : callable
        From slices [B, C, ...], and the number of the first among those looked at, to others.
    undo : callable
        From what a network makes of those, [B, R, ...], to where it belongs.
    """

    change: Callable[[Tensor, int], Tensor]
    undo: Callable[[Probability], Probability]


def moved() -> Change:
    """By a few pixels along both axes of a slice."""
    return Change(
        lambda x, first: x.roll((_MOVED, _MOVED), (-2, -1)),
        lambda p: np.roll(p, (-_MOVED, -_MOVED), (-2, -1)),
    )


def mirrored(axis: int) -> Change:
    """Along one of the space axes."""
    return Change(lambda x, first: x.flip(axis + 2), lambda p: np.flip(p, axis + 2))


def noisy(name: str) -> Change:
    """With a little noise, the same for a case of this name whichever network looks."""
    seed = zlib.crc32(name.encode())

    def change(x: Tensor, first: int) -> Tensor:
        noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed + first))
        return x + _NOISE * float(x.std()) * noise

    return Change(change, lambda p: p)
