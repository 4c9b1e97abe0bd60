"""Where the voxels of an image lie in the scanner, and its axes in any other order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_osuda.errors import CaseError, ConfigError
from napari_osuda.imaging.planes import AXIS_CODES
from napari_osuda.lazy import Module, nib

__all__ = ["Grid", "Reorientation", "corners_apart", "onto_grid", "require_same_grid", "same_grid"]

# nibabel's functions carry no types.
orientations: Any = Module("nibabel.orientations")

# Two grids are one when no corner of theirs is further apart than this part of the smallest voxel edge:
# what float32 headers and converters leave, and far less than a segmentation can notice.
_TOLERANCE = 0.1


# Edges of a voxel, and how far from the scanner's center an image can lie.
_SMALLEST_MM, _LARGEST_MM, _FARTHEST_MM = 1e-2, 500.0, 1e5


@dataclass(frozen=True, eq=False)
class Grid:
    """The voxel grid of an image.

    Attributes
    ----------
    shape : tuple of three int
        Voxels along the array axes.
    affine : float64 array [4, 4]
        Voxel index to RAS millimeters, as nibabel chooses it: the sform if it is coded, else the qform.
    header : nibabel.Nifti1Header or None
        Holds the qform and sform codes and the units that a mask on this grid is given back with.
    placed : bool
        Whether the affine is the scanner's; False where the image does not say where it lies, and the
        affine has its voxel size alone.

    Raises
    ------
    CaseError
        The affine is not finite or folds the volume flat, so that voxels have no place in the scanner, or
        voxels are of a size that no MRI has.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    header: nib.Nifti1Header | None = None
    placed: bool = True

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        affine.setflags(write=False)
        shape = tuple(int(n) for n in self.shape)
        if len(shape) != 3 or affine.shape != (4, 4):
            raise ValueError(f"A grid has three axes and a 4 x 4 affine, not {shape} and {affine.shape}.")
        _require_usable(affine)
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", shape)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance between neighboring voxels along each array axis, mm."""
        x, y, z = (float(v) for v in np.linalg.norm(self.affine[:3, :3], axis=0))
        return x, y, z

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel, ml: the determinant of the affine, with shear less than its edges' product."""
        return float(abs(np.linalg.det(self.affine[:3, :3])) / 1000)

    @property
    def orientation(self) -> str:
        """Direction in which each array axis runs, to the nearest of the patient's, such as ``"LPS"``."""
        return "".join(orientations.aff2axcodes(self.affine))

    def describe(self) -> str:
        """Give shape, spacing and axes in words, for messages."""
        spacing = " x ".join(f"{v:.3g}" for v in self.spacing)
        return f"{' x '.join(map(str, self.shape))} voxels of {spacing} mm, axes {self.orientation}"


def _require_usable(affine: NDArray[np.float64]) -> None:
    """CaseError unless an affine gives each voxel a place of its own, of a size that voxels have."""
    with np.errstate(all="ignore"):
        steps = np.linalg.norm(affine[:3, :3], axis=0)
        # The volume of a voxel over that of a box with its edges: 0 where two of them are one direction.
        upright = abs(np.linalg.det(affine[:3, :3] / steps))
        usable = np.isfinite(affine).all() and upright > 1e-3 and abs(affine[:3, 3]).max() < _FARTHEST_MM
    if not usable or np.isnan(orientations.io_orientation(affine)).any():
        raise CaseError(
            "The affine is not finite, or has an axis without length or direction of its own. The voxels "
            "have no place in the scanner: correct the header's sform or qform."
        )
    if steps.min() < _SMALLEST_MM or steps.max() > _LARGEST_MM:
        raise CaseError(
            f"The voxels are {' x '.join(f'{v:.3g}' for v in steps)} mm large, which no MRI has: correct the "
            "units or the affine in the header."
        )


class Reorientation:
    """A change of the order and the direction of array axes, and its exact inverse: no voxel is altered.

    Parameters
    ----------
    affine : array [4, 4]
        Of the array as it is; an oblique one counts as the nearest of the 48 axis orders.
    axes : str
        Axis codes of the array as it is wanted, such as ``"RAS"``: each of the pairs L/R, P/A, I/S once.
    """

    def __init__(self, affine: ArrayLike, axes: str) -> None:
        now = orientations.io_orientation(np.asarray(affine))
        self._set(orientations.ornt_transform(now, orientations.axcodes2ornt(tuple(require_axes(axes)))))

    @classmethod
    def between(cls, grid: Grid, target: Grid) -> Reorientation:
        """The change after which the axes of ``grid`` run as those of ``target`` do, to the nearest."""
        made = cls.__new__(cls)
        made._set(orientations.io_orientation(np.linalg.inv(target.affine) @ grid.affine))
        return made

    def _set(self, change: NDArray[np.float64]) -> None:
        self._change = change
        self._flipped = tuple(int(i) for i in np.flatnonzero(change[:, 1] < 0))
        # order[k] is the axis of the original that becomes axis k.
        self._order = tuple(int(i) for i in np.argsort(change[:, 0]))

    @property
    def flips(self) -> tuple[bool, bool, bool]:
        """Which axes of the original are reversed."""
        return 0 in self._flipped, 1 in self._flipped, 2 in self._flipped

    def apply(self, array: NDArray[Any]) -> NDArray[Any]:
        """Reorient the last three axes of ``array``; gives a view."""
        first = array.ndim - 3
        flipped = np.flip(array, tuple(first + i for i in self._flipped))
        reordered: NDArray[Any] = flipped.transpose(*range(first), *(first + i for i in self._order))
        return reordered

    def undo(self, array: NDArray[Any]) -> NDArray[Any]:
        """Bring the last three axes back to the original order; gives a view."""
        first = array.ndim - 3
        ordered: NDArray[Any] = array.transpose(
            *range(first), *(first + int(i) for i in np.argsort(self._order))
        )
        return np.flip(ordered, tuple(first + i for i in self._flipped))

    def reorder(self, per_axis: Sequence[Any]) -> tuple[Any, ...]:
        """Reorder three figures, one for each axis of the original, such as its shape or spacing."""
        return tuple(per_axis[i] for i in self._order)

    def affine(self, grid: Grid) -> NDArray[np.float64]:
        """Affine of the reoriented array of ``grid``: each voxel stays where it is in the scanner."""
        result: NDArray[np.float64] = grid.affine @ orientations.inv_ornt_aff(self._change, grid.shape)
        return result


def require_axes(axes: str) -> str:
    """Check axis codes such as ``"RAS"`` and give them in capitals.

    Raises
    ------
    ConfigError
        They are not three letters that name each of the patient's axes once.
    """
    codes = axes.upper()
    if len(codes) != 3 or any(sum(c in pair for c in codes) != 1 for pair in AXIS_CODES):
        raise ConfigError(
            f"orientation is {axes!r}; it must have one letter of each of L/R, A/P and I/S, such as 'RAS'."
        )
    return codes


def onto_grid(array: NDArray[Any], grid: Grid, name: str, target: Grid, target_name: str) -> NDArray[Any]:
    """Bring an array whose voxels are those of another grid to that grid's order: no voxel is altered.

    Parameters
    ----------
    array : array [..., I, J, K]
        On ``grid``.
    grid : Grid
    name : str
        Of the array, for messages.
    target : Grid
        The same voxels, whatever the order and the direction of its axes.
    target_name : str

    Returns
    -------
    array [..., *target.shape]
        A view.

    Raises
    ------
    CaseError
        As `require_same_grid`: the voxels are not those of the target.
    """
    change = Reorientation.between(grid, target)
    moved = Grid(change.reorder(grid.shape), change.affine(grid))
    try:
        require_same_grid(target, target_name, moved, name)
    except CaseError:
        # Said of the grid as it is.
        require_same_grid(target, target_name, grid, name)
    return change.apply(array)


def same_grid(first: Grid, other: Grid) -> bool:
    """Whether two images lie voxel on voxel: no corner of theirs is further apart than a tenth of a voxel."""
    return first.shape == other.shape and corners_apart(first, other) <= _TOLERANCE * min(first.spacing)


def corners_apart(first: Grid, other: Grid) -> float:
    """Largest distance between the same corners of two grids, mm."""
    corners_mm = []
    for grid in (first, other):
        corners = np.array([(*c, 1.0) for c in product(*((-0.5, n - 0.5) for n in grid.shape))])
        corners_mm.append((corners @ grid.affine.T)[:, :3])
    return float(np.linalg.norm(corners_mm[0] - corners_mm[1], axis=1).max())


def require_same_grid(first: Grid, first_name: str, other: Grid, other_name: str) -> None:
    """Check that two images lie voxel on voxel.

    Raises
    ------
    CaseError
        Their shapes differ, or a corner of one is further than a tenth of a voxel from the same corner of
        the other; the sentence names both and says how they differ.
    """
    if same_grid(first, other):
        return
    if first.shape == other.shape:
        how = f"their corners lie up to {corners_apart(first, other):.3g} mm apart"
    else:
        how = "their shapes differ"
    raise CaseError(
        f"{other_name} ({other.describe()}) does not lie on the grid of {first_name} ({first.describe()}): "
        f"{how}. Register and resample it to the grid of {first_name} first."
    )
