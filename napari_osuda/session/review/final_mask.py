"""The final mask of a review as an array: what holds by decision, and what was painted into it since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_osuda.session.review.case import Labels, Mask, ReviewCase
from napari_osuda.session.review.log import SlicePlane
from napari_osuda.session.review.tally import Tally

__all__ = ["FinalMask"]


class FinalMask:
    """The masks of a case put together as decisions say.

    Parameters
    ----------
    case : ReviewCase
    axes : mapping of plane to int
        The array axis along which the slices of each plane lie.

    Attributes
    ----------
    labels : integer array [I, J, K]
        Changed in place, so that a viewer can show this very array and a brush can paint into it.
    tally : Tally
        Counts of what holds by decision.
    """

    def __init__(self, case: ReviewCase, axes: Mapping[SlicePlane, int]) -> None:
        self._case, self._axes = case, axes
        self.labels: Labels = case.proposal.astype(np.result_type(case.before, case.after))
        # What `labels` holds by decision; a paint tool writes into `labels` before it is one. Both lie in
        # memory as the masks do (a file's last axis is slowest): copying across takes ten times as long.
        self._decided: Labels = self.labels.copy(order="K")
        # Voxels that a person painted and no later decision has replaced.
        self._painted = np.zeros(case.grid.shape, bool)
        self.tally = Tally(axes)

    def pending(self) -> NDArray[np.bool_]:
        """Voxels [I, J, K] that were painted and are no decision yet."""
        changed: NDArray[np.bool_] = self.labels != self._decided
        return changed

    def pending_slices(self, plane: SlicePlane) -> tuple[int, ...]:
        """Slices of a plane that hold such voxels."""
        others = tuple(axis for axis in range(3) if axis != self._axes[plane])
        return tuple(int(index) for index in np.flatnonzero(self.pending().any(axis=others)))

    def revert(self, where: NDArray[np.bool_] | None = None) -> None:
        """Undo what was painted and is no decision yet, everywhere or at some voxels."""
        if where is None:
            self.labels[...] = self._decided
        else:
            self.labels[where] = self._decided[where]

    @property
    def any_painted(self) -> bool:
        """Whether it holds by decision anything that was painted."""
        return bool(self._painted.any())

    def painted(self, plane: SlicePlane, slices: Sequence[int]) -> list[int]:
        """Those of the slices that hold something painted, in this plane or across another."""
        return [i for i in slices if np.moveaxis(self._painted, self._axes[plane], 0)[i].any()]

    def fill(self, kind: Mask | None) -> None:
        """Take the whole of one of the case's masks; None: no label at all."""
        mask = self._case.mask(kind)
        for whole in (self._decided, self.labels):
            whole[...] = mask
        self._painted[...] = False
        self.tally.fill(kind, mask)

    def take(self, kind: Mask, plane: SlicePlane, slices: Sequence[int]) -> None:
        """Take slices of one of the case's masks."""
        self.put(plane, slices, self._slices_of(self._case.mask(kind), plane, slices), painted=False)

    def put(self, plane: SlicePlane, slices: Sequence[int], new: Labels, *, painted: bool) -> None:
        """Make slices others, [len(slices), ...] with the plane's axis first."""
        axis, chosen = self._axes[plane], list(slices)
        old = self._slices_of(self._decided, plane, slices)
        self.tally.put(plane, slices, old, new)
        marks = np.moveaxis(self._painted, axis, 0)
        marks[chosen] = marks[chosen] | (new != old) if painted else False
        for whole in (self._decided, self.labels):
            np.moveaxis(whole, axis, 0)[chosen] = new

    def slices(self, plane: SlicePlane, slices: Sequence[int]) -> Labels:
        """Its slices, [len(slices), ...] with the plane's axis first."""
        return self._slices_of(self.labels, plane, slices)

    def _slices_of(self, mask: Labels, plane: SlicePlane, slices: Sequence[int]) -> Labels:
        return np.moveaxis(mask, self._axes[plane], 0)[list(slices)]
