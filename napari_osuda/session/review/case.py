"""What a review judges: the masks of one case, and what is known of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError
from napari_osuda.imaging import Grid
from napari_osuda.imaging.planes import array_axis
from napari_osuda.session.report.words import mask_names
from napari_osuda.session.review.log import PLANES, SlicePlane
from napari_osuda.session.run_folder.record import InputRecord

__all__ = ["Labels", "Mask", "ReviewCase", "plane_axes"]

Labels: TypeAlias = NDArray[Any]
Mask = Literal["before", "after"]
"""The original and the adapted mask, as files and records call them."""


@dataclass(frozen=True, eq=False)
class ReviewCase:
    """What is judged: two masks of one case, and what is known of them.

    Attributes
    ----------
    name : str
    before, after : integer array [I, J, K]
        Masks of the source and of the adapted model, in the case's own array order.
    grid : Grid
        Of the case's first image.
    labels, colors : mapping of int to str
        Name and ``#rrggbb`` of each value.
    regions : mapping of str to sequence of int
        For scores.
    plane : {"axial", "coronal", "sagittal"}
        The slices that the network saw, or axial.
    decision : {"accept", "keep-source", "neither"} or None
        What the guard recommends, for ``reasons``.
    inputs : sequence of InputRecord
        Of the images.
    uncertainty : float array [I, J, K], optional
        Normalized entropy of the adapted model's prediction, where it was kept.
    removed : int
        How many pieces of ``before`` the second look has removed; where any, ``after`` is the rest of it.
    """

    name: str
    before: Labels
    after: Labels
    grid: Grid
    labels: Mapping[int, str]
    colors: Mapping[int, str] = field(default_factory=dict)
    regions: Mapping[str, Sequence[int]] = field(default_factory=dict)
    plane: SlicePlane = "axial"
    decision: str | None = None
    reasons: Sequence[str] = ()
    inputs: Sequence[InputRecord] = ()
    uncertainty: NDArray[np.floating[Any]] | None = None
    removed: int = 0

    def __post_init__(self) -> None:
        for name, mask in (("before", self.before), ("after", self.after)):
            if mask.shape != self.grid.shape:
                raise CaseError(
                    f"The mask {name} of case {self.name} has the shape {mask.shape} and its image "
                    f"{self.grid.shape}: they are not of one case."
                )
        if self.uncertainty is not None and self.uncertainty.shape != self.grid.shape:
            raise CaseError(
                f"The uncertainty of case {self.name} has the shape {self.uncertainty.shape} and its image "
                f"{self.grid.shape}: they are not of one case."
            )

    @property
    def names(self) -> Mapping[str, str]:
        """What its masks "before", "after" and "final" are called."""
        return mask_names(self.removed)

    @property
    def proposed(self) -> Mask | None:
        """The mask that undecided slices hold: the recommended one; None where neither is to be trusted."""
        if self.decision == "neither":
            return None
        return "before" if self.decision == "keep-source" else "after"

    @property
    def proposal(self) -> Labels:
        """What undecided slices hold, [I, J, K]: the recommended mask, or no label at all."""
        return self.mask(self.proposed)

    def mask(self, which: Mask | None) -> Labels:
        """One of the two masks, [I, J, K]; None: no label at all."""
        if which is None:
            return np.zeros_like(self.after)
        return self.before if which == "before" else self.after

    def digests(self, mask: Mask, plane: SlicePlane | None, slices: Sequence[int] = ()) -> tuple[str, ...]:
        """A digest of each slice of a mask, or with ``plane`` None one of the whole."""
        labels = self.mask(mask)
        if plane is None:
            return (_digest(labels),)
        stack = np.moveaxis(labels, plane_axes(self.grid)[plane], 0)
        return tuple(_digest(stack[index]) for index in slices)


def _digest(labels: Labels) -> str:
    # Whatever type a file held them in, and however they lie in memory.
    plain = np.ascontiguousarray(labels, dtype=np.uint16)
    return hashlib.blake2b(plain.data, digest_size=8).hexdigest()


def plane_axes(grid: Grid) -> dict[SlicePlane, int]:
    """Along which array axis each plane's slices are counted; an oblique grid by its nearest axes."""
    found = {plane: array_axis(plane, grid.orientation) for plane in PLANES}
    return {plane: axis for plane, axis in found.items() if axis is not None}
