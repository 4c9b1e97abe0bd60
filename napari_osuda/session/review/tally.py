"""What the final mask holds, kept up decision by decision: a volume is not counted again at every key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_osuda.session.review.case import Labels, Mask
from napari_osuda.session.review.log import SlicePlane

__all__ = ["Tally"]


class Tally:
    """Labeled voxels of each slice, and voxels of each label.

    Parameters
    ----------
    axes : mapping of plane to int
        Along which axis each plane's slices are counted.

    Attributes
    ----------
    held : dict of plane to integer array
        Labeled voxels of each slice.
    """

    def __init__(self, axes: Mapping[SlicePlane, int]) -> None:
        self._axes = axes
        self.held: dict[SlicePlane, NDArray[np.intp]] = {}
        self._voxels: dict[int, int] = {}
        # The masks that a case may be filled with never change.
        self._known: dict[Mask | None, tuple[dict[SlicePlane, NDArray[np.intp]], dict[int, int]]] = {}

    @property
    def voxels(self) -> dict[int, int]:
        """Voxels of each label that occurs, but for the background."""
        return {value: count for value, count in sorted(self._voxels.items()) if value and count}

    def fill(self, kind: Mask | None, mask: Labels) -> None:
        """The whole is another mask, [I, J, K]."""
        if kind not in self._known:
            held = {
                plane: np.count_nonzero(mask, axis=tuple(other for other in range(3) if other != axis))
                for plane, axis in self._axes.items()
            }
            self._known[kind] = held, _counts(mask)
        held, voxels = self._known[kind]
        self.held = {plane: counts.copy() for plane, counts in held.items()}
        self._voxels = dict(voxels)

    def put(self, plane: SlicePlane, slices: Sequence[int], old: Labels, new: Labels) -> None:
        """Slices of a plane are others, [len(slices), ...] with the plane's axis first."""
        axis = self._axes[plane]
        # Axes of `new` are those of the mask with the plane's own brought to the front.
        order = [axis, *(a for a in range(3) if a != axis)]
        for other, across in self._axes.items():
            rest = tuple(i for i, a in enumerate(order) if a != across)
            if other == plane:
                self.held[plane][list(slices)] = np.count_nonzero(new, axis=rest)
            else:
                self.held[other] += np.count_nonzero(new, axis=rest) - np.count_nonzero(old, axis=rest)
        for sign, part in ((1, new), (-1, old)):
            for value, count in _counts(part).items():
                self._voxels[value] = self._voxels.get(value, 0) + sign * count


def _counts(mask: Labels) -> dict[int, int]:
    if mask.dtype.kind == "u" and mask.dtype.itemsize <= 2:
        counts = np.bincount(mask.ravel(order="K"))
        values = np.flatnonzero(counts)
        return dict(zip(values.tolist(), counts[values].tolist(), strict=True))
    values, counts = np.unique(mask, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))
