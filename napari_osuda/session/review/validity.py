"""What of a decision still holds, where the masks are others than when it was made."""

from __future__ import annotations

import dataclasses

from napari_osuda.session.review.case import Labels, Mask, ReviewCase, plane_axes
from napari_osuda.session.review.log import PLANES, Entry, SlicePlane

__all__ = ["still_valid"]


def still_valid(
    case: ReviewCase, entry: Entry, painted: Labels | None = None
) -> tuple[Entry | None, dict[SlicePlane, set[int]]]:
    """A decision or flag on what is still as it was when it was made.

    Parameters
    ----------
    case : ReviewCase
        With the masks as they are now.
    entry : Entry
        Of the log; neither an undo nor a redo.
    painted : integer array, optional
        Of an "edited" entry: its slices, [len(slices), ...].

    Returns
    -------
    entry : Entry or None
        On the slices that hold; None if none does.
    lapsed : dict of plane to set of int
        Slices that were decided on another mask than there is now.

    Raises
    ------
    ValueError
        The entry contradicts itself.
    """
    if entry.plane is None:
        if entry.kind == "edited":
            raise ValueError("an edit names no plane")
        return _of_whole(case, entry)
    count = case.grid.shape[plane_axes(case.grid)[entry.plane]]
    here = tuple(index for index in entry.slices if 0 <= index < count)
    if entry.kind == "edited":
        if painted is None or not _fits(case, entry.plane, painted) or len(painted) != len(entry.slices):
            return None, {entry.plane: set(here)}
        # What a person painted holds on whatever masks there are.
        return (entry, {}) if here == entry.slices else (None, {entry.plane: set(here)})
    if entry.kind not in ("after", "before") or not entry.seen:
        return (dataclasses.replace(entry, slices=here) if here else None), {}
    then = dict(zip(entry.slices, entry.seen, strict=True))
    now = dict(zip(here, case.digests(_mask(entry), entry.plane, here), strict=True))
    kept = tuple(index for index in here if now[index] == then[index])
    gone = set(here) - set(kept)
    lapsed: dict[SlicePlane, set[int]] = {entry.plane: gone} if gone else {}
    return (dataclasses.replace(entry, slices=kept) if kept else None), lapsed


def _of_whole(case: ReviewCase, entry: Entry) -> tuple[Entry | None, dict[SlicePlane, set[int]]]:
    if entry.kind not in ("after", "before") or not entry.seen:
        return entry, {}
    if entry.seen == case.digests(_mask(entry), None):
        return entry, {}
    axes = plane_axes(case.grid)
    return None, {plane: set(range(case.grid.shape[axes[plane]])) for plane in PLANES}


def _mask(entry: Entry) -> Mask:
    return "after" if entry.kind == "after" else "before"


def _fits(case: ReviewCase, plane: SlicePlane, painted: Labels) -> bool:
    axis = plane_axes(case.grid)[plane]
    return painted.shape[1:] == tuple(n for a, n in enumerate(case.grid.shape) if a != axis)
