"""Which pieces of a mask the network finds again when the image is rotated by 180 degrees.

What a network marks falsely often depends on where it lies (the base of the skull, the edge of the head). A
lesion is known by what it looks like, and is found in the rotated image as well. Chosen on real patients: see
docs/defaults.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_osuda.evaluation import count_pieces, pieces_of
from napari_osuda.method.computing.arithmetic import output_of

__all__ = ["Rotated", "not_found_again", "pieces_in"]

# Mean probability of a piece in the rotated image above which it is found again.
_FOUND = 0.5
# Share of all that is marked which has to be found again: else the network does not know rotated images.
_MOST = 0.5


class Rotated(nn.Module):
    """A network that sees the image rotated by 180 degrees in its plane, and whose output is rotated back.

    Parameters
    ----------
    network : nn.Module
        Its first output counts.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.train(network.training)

    def forward(self, x: Tensor) -> Tensor:
        """The output [B, K, ..., H, W] for images [B, C, ..., H, W]."""
        output: Tensor = output_of(self.network, torch.flip(x, (-2, -1)))
        return torch.flip(output, (-2, -1))


def pieces_in(mask: NDArray[Any]) -> int:
    """How many pieces a mask [S, H, W] or [1, D, H, W] has, where it is not 0."""
    return count_pieces(mask.reshape(mask.shape[-3:]) != 0)


def not_found_again(mask: NDArray[Any], again: NDArray[np.floating]) -> NDArray[np.bool_]:
    """The pieces of a mask that the network does not find again.

    Parameters
    ----------
    mask : array [S, H, W] or [1, D, H, W]
        Not 0 where anything is marked, in successive slices.
    again : float array of the same shape
        Probability of any label in the rotated image, rotated back.

    Returns
    -------
    bool array of the same shape
        Pieces touch by a face, an edge or a corner. Nothing where less than half of what is marked is found
        again, or where a label would be gone: such a mask is to be doubted as a whole. Never the largest
        piece.
    """
    pieces, count = _pieces(mask)
    removed = np.zeros(mask.shape, bool)
    if count < 2:
        return removed
    marked = pieces > 0
    numbers, shown = pieces[marked], again.reshape(pieces.shape)[marked]
    sizes = np.bincount(numbers, minlength=count + 1)[1:]
    found = np.bincount(numbers, shown, minlength=count + 1)[1:] / sizes > _FOUND
    if sizes[found].sum() < _MOST * sizes.sum():
        return removed
    # The largest.
    found[0] = True
    gone = ~found[numbers - 1]
    labels = mask.reshape(pieces.shape)[marked]
    if set(np.unique(labels[gone])) - set(np.unique(labels[~gone])):
        return removed
    removed.reshape(pieces.shape)[marked] = gone
    return removed


def _pieces(mask: NDArray[Any]) -> tuple[NDArray[np.int32], int]:
    return pieces_of(mask.reshape(mask.shape[-3:]) != 0)
