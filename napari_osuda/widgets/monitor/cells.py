"""Which cell of a map belongs to which channel of the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_osuda.method import NormLayer

__all__ = ["arranged", "picture_of"]

Cells = list[npt.NDArray[np.intp]]


def arranged(
    layers: Sequence[NormLayer], distance: npt.NDArray[np.float32] | None = None
) -> tuple[list[int], Cells]:
    """Rows of layers and their channels, in the network's order or the farthest first.

    Parameters
    ----------
    layers : sequence of NormLayer
        The L layers of N channels in all.
    distance : float32 array [N], optional
        By which layers (by their mean) and the channels in each are sorted, the largest first.

    Returns
    -------
    rows : list of int
        Index of the layer in each of the L rows.
    cells : list of int arrays
        For each row, the indices among all N channels of its cells.
    """
    cells = [np.arange(layer.offset, layer.offset + layer.channels) for layer in layers]
    rows = list(range(len(cells)))
    if distance is not None:
        rows.sort(key=lambda row: -float(distance[cells[row]].mean()))
        cells = [channels[np.argsort(-distance[channels], kind="stable")] for channels in cells]
    return rows, [cells[row] for row in rows]


def picture_of(values: npt.NDArray[np.float32], cells: Cells) -> npt.NDArray[np.float32]:
    """Values [N] as a picture [L, widest row], NaN where a row has no such cell."""
    picture = np.full((len(cells), max(map(len, cells), default=0)), np.nan, np.float32)
    for line, row in zip(picture, cells, strict=True):
        line[: len(row)] = values[row]
    return picture
