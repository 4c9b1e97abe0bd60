"""What networks have put out for slices of cases, kept so that no slice goes through one twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_osuda.imaging import SliceStack

__all__ = ["SPARED", "Keep", "Outputs", "Way", "goes_by_slices"]

Way = Literal["straight", "mirrored", "averaged"]
"""Of the image; of its mirror image, mirrored back; the mean of both."""
Keep = Callable[[NDArray[np.intp], Tensor], None]
"""Takes the numbers of slices [B] and a network's output for them [B, K, h, w]."""

# What is kept in all, in bytes. What would exceed it goes through the network again.
_MOST = 2**27
SPARED = 0.5
"""Share of the room that is left to slices which are certain to be asked for again."""


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
    A network whose outputs are kept must not change.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._left = self._most = most
        self._kept: dict[tuple[object, ...], dict[int, Tensor]] = {}

    def known(self, network: nn.Module, stack: SliceStack, way: Way) -> Mapping[int, Tensor]:
        """The output [K, h, w] of each slice that it is kept of; empty where there is none."""
        return self._kept.get(_key(network, stack, way), {})

    def known_slices(self, network: nn.Module, stack: SliceStack, way: Way) -> NDArray[np.intp]:
        """Numbers of the stack's slices with head whose output is kept."""
        known = self.known(network, stack, way)
        return np.array([i for i in np.flatnonzero(stack.foreground).tolist() if i in known], np.intp)

    def keeping(self, network: nn.Module, stack: SliceStack, way: Way, spared: float = 0.0) -> Keep:
        """A function that keeps what it is told of the stack's slices with head; of others nothing.

        Nothing more is kept where less than a share ``spared`` of all room would be left.
        """
        if not goes_by_slices(stack):
            return lambda indices, output: None
        kept, wanted = self._kept.setdefault(_key(network, stack, way), {}), stack.foreground

        def keep(indices: NDArray[np.intp], output: Tensor) -> None:
            for place in np.flatnonzero(wanted[indices]).tolist():
                index, size = int(indices[place]), output[place].nbytes
                if index not in kept and self._left - size >= spared * self._most:
                    # A copy: a view would hold the whole batch.
                    kept[index] = output[place].cpu().clone()
                    self._left -= size

        return keep

    def clear(self) -> None:
        """Forget all."""
        self._left = self._most
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
