"""Masks back in the voxels of each image of a case that was resampled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from napari_osuda.files import path_inside
from napari_osuda.imaging.case import Case
from napari_osuda.imaging.preparation.common_grid import resampled
from napari_osuda.imaging.writing import write_labels

__all__ = ["OwnGridMask", "write_on_own_grids"]


class OwnGridMask(NamedTuple):
    """A mask that was written, of which channel, and the share of its voxels that the case's grid covers."""

    path: Path
    channel: str
    covered: float


def write_on_own_grids(folder: Path, case: Case, labels: NDArray[Any]) -> Iterator[OwnGridMask]:
    """Write a mask in the voxels of each image that was resampled, as ``<case>_<channel>.nii.gz``.

    Each voxel gets the label of the nearest voxel of the mask; what the mask does not cover is 0.

    Parameters
    ----------
    folder : Path
    case : Case
    labels : integer array [I, J, K]
        On the case's grid.

    Yields
    ------
    OwnGridMask
        Each file, once it is written.
    """
    for source in case.sources:
        if source.grid is None:
            continue
        moved, inside = resampled(labels, case.grid, source.grid, order=0)
        path = path_inside(folder, f"{case.name}_{source.channel}.nii.gz")
        write_labels(path, moved, source.grid)
        yield OwnGridMask(path, source.channel, float(inside.mean()))
