"""A brain mask: from a file, or made by a library where one is installed (extra brain: deepbet).

deepbet: L. Fisch et al., Comput. Biol. Med. 179 (2024); for T1 images. Its weights lie in the package, so
nothing is downloaded.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError
from napari_osuda.imaging.grid import Grid
from napari_osuda.imaging.preparation.common_grid import require_one_space, resampled, same_voxels
from napari_osuda.imaging.volumes import read_labels
from napari_osuda.lazy import nib

__all__ = ["extracted_brain", "masked", "on_grid", "read_mask", "share_of_head"]

# Of a head: a mask of less is none of the brain, and one of more leaves no skull out.
_LEAST = 0.02


def read_mask(path: Path, grid: Grid, name: str) -> NDArray[np.bool_]:
    """Where a mask's file is not 0, in the voxels of a grid.

    Raises
    ------
    CaseError
        It is no label volume, or lies elsewhere.
    """
    labels, own = read_labels(path)
    return on_grid(labels != 0, own, str(path), grid, name)


def on_grid(mask: NDArray[np.bool_], own: Grid, mask_name: str, grid: Grid, name: str) -> NDArray[np.bool_]:
    """A mask in the voxels of a grid: exactly where they are the same, else the nearest voxel."""
    if not same_voxels(own, grid):
        require_one_space(own, mask_name, grid, name)
    found: NDArray[np.bool_] = resampled(mask, own, grid, order=0)[0]
    return found


def share_of_head(mask: NDArray[np.bool_], head: NDArray[np.bool_]) -> float:
    """Share of the head that lies in a mask: 0 to 1."""
    return int(np.count_nonzero(head & mask)) / max(1, int(np.count_nonzero(head)))


def masked(
    data: NDArray[np.float32], head: NDArray[np.bool_], mask: NDArray[np.bool_], name: str
) -> NDArray[np.float32]:
    """Images [C, I, J, K] with 0 outside a brain mask.

    Raises
    ------
    CaseError
        The mask has next to nothing of the head.
    """
    share = share_of_head(mask, head)
    if share < _LEAST:
        raise CaseError(
            f"The brain mask of {name} holds {share:.1%} of the head: it belongs to another image, or the "
            "brain was not found. Check the mask."
        )
    data = data.copy(order="K")
    data[:, ~mask] = 0.0
    return data


def extracted_brain(image: NDArray[np.float32], grid: Grid, name: str) -> NDArray[np.bool_]:
    """Find the brain in a T1 image by deepbet.

    Parameters
    ----------
    image : float32 array [I, J, K]
        Of a whole head.
    grid : Grid
    name : str
        Of the image, for messages.

    Raises
    ------
    CaseError
        deepbet is not installed, or finds no brain.
    """
    try:
        deepbet: Any = import_module("deepbet.bet")
    except ImportError as error:
        raise CaseError(
            "Brain extraction needs deepbet, which is not installed: pip install 'napari-osuda[brain]'. "
            "Or give a brain mask as a file."
        ) from error
    if not grid.placed:
        raise CaseError(f"{name} does not say how it lies in the scanner, so its brain is not looked for.")
    kind: Any = nib.Nifti1Image
    whole = kind(image, grid.affine)
    try:
        _, mask, _ = deepbet.BrainExtraction(no_gpu=True).run(whole)
    except (AssertionError, RuntimeError, ValueError, IndexError) as error:
        raise CaseError(f"deepbet finds no brain in {name}: give a brain mask as a file.") from error
    found: NDArray[np.bool_] = np.asarray(mask.dataobj) > 0
    if found.shape != image.shape or not found.any():
        raise CaseError(f"deepbet finds no brain in {name}: give a brain mask as a file.")
    return found
