"""What networks have put out for slices of cases, kept so that no slice goes through one twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_osuda.imaging import SliceStack

__all__ = ["Keep", "Outputs", "Way", "goes_by_slices"]

Way = Literal["straight", "mirrored", "averaged"]
"""Of the image; of its mirror image, mirrored back; the mean of both."""
Keep = Callable[[NDArray[np.intp], Tensor], None]
"""Takes the numbers of slices [B] and a network's output for them [B, K, h, w]."""

# What is kept in all, in bytes. What would exceed it goes through the network again.
_MOST = 2**27


def goes_by_slices(stack: SliceStack) -> bool:
    """Whether each slice goes through the network as a whole: windows may lie otherwise the next time."""
    return stack.patch is None and stack.window is None


class Outputs:
    """Outputs by network, case, preprocessing and way; on the processor, as long as there is room.

    Parameters
    ----------
    most : int
        Bytes that are kept in all.

    Notes
    -----
    A network whose outputs are kept must not change. All slices of a case are kept that are wanted, or none.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._left = most
        self._kept: dict[tuple[object, ...], dict[int, Tensor]] = {}

    def known(self, network: nn.Module, stack: SliceStack, way: Way) -> Mapping[int, Tensor]:
        """The output [K, h, w] of each slice that it is kept of; empty where there is none."""
        return self._kept.get(_key(network, stack, way), {})

    def keeping(self, network: nn.Module, stack: SliceStack, way: Way) -> Keep:
        """A function that keeps what it is told of the stack's slices with head; of others nothing."""
        key, wanted = _key(network, stack, way), stack.foreground
        if key in self._kept or not goes_by_slices(stack):
            return lambda indices, output: None
        kept = self._kept[key] = {}

        def keep(indices: NDArray[np.intp], output: Tensor) -> None:
            if self._kept.get(key) is not kept:
                return
            places = np.flatnonzero(wanted[indices])
            for place in places.tolist():
                # A copy: a view would hold the whole batch.
                kept[int(indices[place])] = output[place].cpu().clone()
                self._left -= output[place].nbytes
            if self._left < 0:
                self._left += sum(one.nbytes for one in kept.values())
                del self._kept[key]

        return keep

    def clear(self) -> None:
        """Forget all."""
        self._left += sum(one.nbytes for kept in self._kept.values() for one in kept.values())
        self._kept.clear()


def _key(network: nn.Module, stack: SliceStack, way: Way) -> tuple[object, ...]:
    # Cases and specifications by identity: a stack and a thinned one share them.
    return network, _Same(stack.case), _Same(stack.spec), way


class _Same:
    """Equal to what holds the same object, and to nothing else."""

    def __init__(self, held: object) -> None:
        self._held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other._held is self._held

    def __hash__(self) -> int:
        return id(self._held)
