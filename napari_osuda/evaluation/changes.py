"""What changed between two label volumes of one case, slice by slice and voxel by voxel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError
from napari_osuda.evaluation.geometry import Steps, pixel_mm2, voxel_ml
from napari_osuda.evaluation.regions import label_values
from napari_osuda.evaluation.scores import check_labels

__all__ = ["DIFFERENCE", "ChangeTable", "change_table", "difference"]

DIFFERENCE: dict[int, tuple[str, str]] = {
    1: ("gained", "#0072b2"),
    2: ("lost", "#d55e00"),
    3: ("kept", "#999999"),
    4: ("relabeled", "#cc79a7"),
}
"""Values of `difference`: name and color (of the palette of Okabe and Ito, safe for color-blind eyes)."""


def difference(before: NDArray[Any], after: NDArray[Any]) -> NDArray[np.uint8]:
    """Voxels gained (1), lost (2), kept (3), given another foreground label (4); 0 is background in both."""
    was, is_now = before != 0, after != 0
    result = np.zeros(before.shape, dtype=np.uint8)
    result[~was & is_now] = 1
    result[was & ~is_now] = 2
    both = was & is_now
    result[both & (before == after)] = 3
    result[both & (before != after)] = 4
    return result


@dataclass(frozen=True)
class ChangeTable:
    """Counts of every slice (S) and label (L) of two volumes, as arrays.

    Parameters
    ----------
    values : tuple of int
        The L label values; a label's column is its index here.
    axis : int
        Array axis that the slices are counted along.
    pixel_mm2, voxel_ml : float
        Area of a pixel within a slice, volume of a voxel.
    before, after, shared : ndarray of int64, shape [S, L]
        Voxels that carry the label before, after, and both times.
    changed : ndarray of int64, shape [S]
        Voxels whose label differs, whatever the labels.
    """

    values: tuple[int, ...]
    axis: int
    pixel_mm2: float
    voxel_ml: float
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    shared: NDArray[np.int64]
    changed: NDArray[np.int64]

    @property
    def dice(self) -> NDArray[np.float64]:
        """Dice between before and after, shape [S, L]; 1 where neither has the label."""
        total = self.before + self.after
        return np.where(total == 0, 1.0, 2.0 * self.shared / np.maximum(total, 1))

    @property
    def area_before_mm2(self) -> NDArray[np.float64]:
        """Area before in each slice, shape [S, L], mm^2."""
        return (self.before * self.pixel_mm2).astype(np.float64)

    @property
    def area_after_mm2(self) -> NDArray[np.float64]:
        """Area after in each slice, shape [S, L], mm^2."""
        return (self.after * self.pixel_mm2).astype(np.float64)

    @property
    def ml_before(self) -> NDArray[np.float64]:
        """Volume before in each slice, shape [S, L], ml."""
        return (self.before * self.voxel_ml).astype(np.float64)

    @property
    def ml_after(self) -> NDArray[np.float64]:
        """Volume after in each slice, shape [S, L], ml."""
        return (self.after * self.voxel_ml).astype(np.float64)

    def most_changed(self, count: int, apart: int = 1) -> list[int]:
        """Indices of up to ``count`` changed slices, in slice order.

        The most changed voxels come first, then the most of those at least ``apart`` slices away from all
        chosen: neighbors look alike.
        """
        chosen: list[int] = []
        for index in np.argsort(-self.changed, kind="stable"):
            if len(chosen) == count or self.changed[index] == 0:
                break
            if all(abs(index - other) >= apart for other in chosen):
                chosen.append(int(index))
        return sorted(chosen)

    def rows(self, names: Mapping[int, str] | None = None) -> Iterator[dict[str, int | float]]:
        """One dict a slice, for a table or a CSV file; labels are called by ``names`` or by their value."""
        titles = [(names or {}).get(value, str(value)) for value in self.values]
        ml_before, ml_after, dice = self.ml_before, self.ml_after, self.dice
        area_before, area_after = self.area_before_mm2, self.area_after_mm2
        for s in range(len(self.changed)):
            row: dict[str, int | float] = {"slice": s, "changed_voxels": int(self.changed[s])}
            for column, title in enumerate(titles):
                row[f"area_before_mm2 {title}"] = float(area_before[s, column])
                row[f"area_after_mm2 {title}"] = float(area_after[s, column])
                row[f"ml_before {title}"] = float(ml_before[s, column])
                row[f"ml_after {title}"] = float(ml_after[s, column])
                row[f"dice {title}"] = float(dice[s, column])
            yield row


def change_table(
    before: NDArray[Any],
    after: NDArray[Any],
    spacing: Steps,
    axis: int,
    values: Sequence[int] | None = None,
) -> ChangeTable:
    """Count what changed in each slice along an axis.

    Parameters
    ----------
    before, after : ndarray of int, shape [I, J, K]
        Label volumes on the same grid, values 0 to 65535.
    spacing : sequence of float, or matrix [3, 3] or [4, 4]
        Voxel size in mm, or the affine where axes may not be at right angles.
    axis : int
        0, 1 or 2: the array axis that is counted along.
    values : sequence of int, optional
        Labels that get a column; by default all that occur, 0 left out.

    Returns
    -------
    ChangeTable

    Raises
    ------
    CaseError
        The shapes differ, or the labels are not whole numbers from 0 to 65535.
    """
    if before.shape != after.shape:
        raise CaseError(
            f"The masks have {before.shape} and {after.shape} voxels; only masks of one grid compare."
        )
    for name, labels in (("mask before", before), ("mask after", after)):
        check_labels(labels, name)
        if labels.size and (int(labels.min()) < 0 or int(labels.max()) > 65535):
            raise CaseError(f"The {name} has labels outside 0 to 65535; use other numbers for them.")
    if values is None:
        values = [value for value in label_values(before, after) if value != 0]
    values = tuple(int(value) for value in values)
    joint = _joint_counts(before, after, axis, values)
    return ChangeTable(
        values=values,
        axis=axis,
        pixel_mm2=pixel_mm2(spacing, axis),
        voxel_ml=voxel_ml(spacing),
        before=joint.sum(axis=2)[:, 1:],
        after=joint.sum(axis=1)[:, 1:],
        shared=np.diagonal(joint, axis1=1, axis2=2)[:, 1:].copy(),
        changed=np.count_nonzero(before != after, axis=_others(axis)).astype(np.int64),
    )


def _joint_counts(
    before: NDArray[Any], after: NDArray[Any], axis: int, values: tuple[int, ...]
) -> NDArray[np.int64]:
    """Joint histogram of each slice, shape [S, L + 1, L + 1]; index 0: no label asked for.

    The pair (0, 0) is not complete: background voxels are most of a volume, and no caller asks for them.
    """
    lookup = np.zeros(65536, dtype=np.uint16)
    lookup[list(values)] = np.arange(1, len(values) + 1)
    size = len(values) + 1
    first, second = np.moveaxis(before, axis, 0), np.moveaxis(after, axis, 0)
    joint = np.zeros((first.shape[0], size, size), dtype=np.int64)
    for s in range(first.shape[0]):
        a, b = np.ravel(first[s]), np.ravel(second[s])
        # Most voxels are background both times: look up and count only the others.
        labeled = np.flatnonzero((a != 0) | (b != 0)) if lookup[0] == 0 else slice(None)
        code = lookup[a[labeled]].astype(np.int64) * size + lookup[b[labeled]]
        joint[s] = np.bincount(code, minlength=size * size).reshape(size, size)
    return joint


def _others(axis: int) -> tuple[int, ...]:
    return tuple(other for other in range(3) if other != axis)
