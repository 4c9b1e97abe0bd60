"""Images of one patient on different grids, brought to one of them by their affines."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from napari_osuda.errors import CaseError
from napari_osuda.imaging.grid import Grid, Reorientation, corners_apart, same_grid

__all__ = ["moved_to", "require_movable", "require_one_space", "resampled", "same_voxels"]

# Full width at half maximum over standard deviation of a Gaussian.
_FWHM = 2.3548
# Codes of NIfTI that lead to a template: its space is not the scanner's.
_TEMPLATES = {3: "Talairach space", 4: "MNI space", 5: "a template's space"}
_EDGE = 1e-3
# Of two voxel sizes that are one.
_SAME_SIZE = 0.01
# Voxels of the one over those of the other: thick slices over thin ones are 15.
_WIDEST = 64.0


def same_voxels(grid: Grid, target: Grid) -> bool:
    """Whether two grids have the same voxels, in whatever order and direction of the axes."""
    change = Reorientation.between(grid, target)
    return same_grid(Grid(change.reorder(grid.shape), change.affine(grid)), target)


def require_one_space(grid: Grid, name: str, target: Grid, target_name: str) -> None:
    """Check that the affines of two images lead to one space.

    Raises
    ------
    CaseError
        One does not say where it lies, they name different spaces, or their voxels are of sizes that no two
        images of one patient have.
    """
    for one, called in ((grid, name), (target, target_name)):
        if not one.placed:
            raise CaseError(
                f"{called} does not say how it lies in the scanner, so it cannot be brought to one grid with "
                "the others. Register and resample it first."
            )
    spaces = [_space(one) for one in (grid, target)]
    if spaces[0] != spaces[1]:
        raise CaseError(
            f"{name} lies in {spaces[0]} and {target_name} in {spaces[1]}, by their headers. Register and "
            "resample them to one space first."
        )
    wide = float(np.linalg.norm((np.linalg.inv(grid.affine) @ target.affine)[:3, :3], axis=1).max())
    if wide > _WIDEST:
        raise CaseError(
            f"The voxels of {target_name} are {wide:,.0f} times as long as those of {name}, which no two "
            "images of one patient are. Check the voxel sizes in the headers."
        )


def require_movable(grid: Grid, name: str, target: Grid, target_name: str, *, chosen: bool) -> None:
    """Check by two grids alone that an image can be brought from one to the other.

    Parameters
    ----------
    grid, name, target, target_name
        The grids, and what their images are called in messages.
    chosen : bool
        Whether a person has chosen the target. Without that, an image with as many and as large voxels that
        lies elsewhere is refused: its header may be wrong.

    Raises
    ------
    CaseError
        As `require_one_space`, or such an image.
    """
    if same_voxels(grid, target):
        return
    require_one_space(grid, name, target, target_name)
    as_many = sorted(grid.shape) == sorted(target.shape)
    if not chosen and as_many and np.allclose(sorted(grid.spacing), sorted(target.spacing), rtol=_SAME_SIZE):
        raise CaseError(
            f"{name} ({grid.describe()}) lies elsewhere than {target_name} ({target.describe()}), up to "
            f"{corners_apart(grid, target):.3g} mm away. It has as many and as large voxels, so its header "
            "may be wrong. If it is right, choose a reference grid, and it is resampled.",
            command="--reference-grid chooses one.",
        )


def moved_to(
    array: NDArray[Any], grid: Grid, name: str, target: Grid, target_name: str, outside: float = 0.0
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Bring an image to another grid: exactly where the voxels are the same, else by interpolation.

    Parameters
    ----------
    array : array [I, J, K]
        On ``grid``.
    grid, name, target, target_name
        The grids, and what their images are called in messages.
    outside : float
        What voxels of the target beyond the image get.

    Returns
    -------
    array [*target.shape]
        A view where the voxels are the same.
    inside : bool array [*target.shape] or None
        Which voxels of the target the image shows; None where these are all.

    Raises
    ------
    CaseError
        As `require_one_space`; or the two images show no place in common.
    """
    change = Reorientation.between(grid, target)
    if same_grid(Grid(change.reorder(grid.shape), change.affine(grid)), target):
        return change.apply(array), None
    require_one_space(grid, name, target, target_name)
    moved, inside = resampled(array, grid, target, outside=outside)
    if not inside.any():
        raise CaseError(
            f"{name} ({grid.describe()}) and {target_name} ({target.describe()}) show no place in common: "
            "are they of one patient and one visit? Register them first."
        )
    return moved, None if inside.all() else inside


def resampled(
    array: NDArray[Any], grid: Grid, target: Grid, *, order: Literal[0, 1] = 1, outside: float = 0.0
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Resample an image by its affine.

    Parameters
    ----------
    array : array [I, J, K]
        On ``grid``.
    grid, target : Grid
    order : {0, 1}
        The nearest voxel, for labels; or linear, for intensities. Along axes where the target's voxels are
        wider, intensities are smoothed first, to the target's width (both taken as Gaussians with the width
        of a voxel at half their height), so that a wide voxel is the mean of what it covers.
    outside : float
        What voxels of the target beyond the image get; up to half a voxel beyond the last center the last
        voxel holds.

    Returns
    -------
    array [*target.shape]
        float32, or of the array's own type for ``order`` 0. The last axis is the slowest in memory.
    inside : bool array [*target.shape]
        Which voxels lie within the image.
    """
    step = np.linalg.inv(grid.affine) @ target.affine
    if order == 1:
        ratio = np.linalg.norm(step[:3, :3], axis=1)
        sigma = np.sqrt(np.clip(ratio**2 - 1, 0, None)) / _FWHM
        array = array.astype(np.float32, copy=False)
        # Rounding of affines that differ by a turn alone must not blur.
        if (sigma > 0.1).any():
            array = scipy.ndimage.gaussian_filter(array, np.where(sigma > 0.1, sigma, 0), mode="nearest")
    shape, last = target.shape, np.array(grid.shape) - 0.5
    moved = np.empty(shape[::-1], array.dtype).transpose(2, 1, 0)
    inside = np.empty(shape[::-1], bool).transpose(2, 1, 0)
    i, j = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    plane = np.tensordot(step[:3, :2], np.stack([i, j]), 1) + step[:3, 3, None, None]
    # Slice by slice: the points of all voxels would take more memory than the images.
    for k in range(shape[2]):
        points = plane + step[:3, 2, None, None] * k
        within = ((points > -0.5 - _EDGE) & (points < last[:, None, None] + _EDGE)).all(axis=0)
        found = scipy.ndimage.map_coordinates(array, points, order=order, mode="nearest", prefilter=False)
        moved[:, :, k] = np.where(within, found, array.dtype.type(outside))
        inside[:, :, k] = within
    return moved, inside


def _space(grid: Grid) -> str:
    header: Any = grid.header
    if header is None:
        return "the scanner's space"
    code = int(header["sform_code"]) or int(header["qform_code"])
    return _TEMPLATES.get(code, "the scanner's space")
