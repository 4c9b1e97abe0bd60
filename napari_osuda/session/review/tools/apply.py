"""A use of a tool on a whole case: in the current slice, in each slice, or in 3-D."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import ConfigError
from napari_osuda.evaluation import voxel_ml
from napari_osuda.imaging import Grid
from napari_osuda.session.review.tools.growing import grow
from napari_osuda.session.review.tools.interpolation import gap_around, interpolate_slices
from napari_osuda.session.review.tools.parts import bring_back, fill_holes, remove_islands
from napari_osuda.session.review.tools.smoothing import smooth
from napari_osuda.session.review.tools.use import Scope, Tool, ToolUse

__all__ = ["apply_tool"]

Labels = NDArray[Any]


def apply_tool(
    labels: Labels,
    use: ToolUse,
    *,
    grid: Grid,
    axis: int,
    index: int,
    image: NDArray[Any] | None = None,
    painted: Sequence[int] = (),
    masks: tuple[Labels, Labels] | None = None,
) -> Labels:
    """Labels after a tool was used on them.

    Parameters
    ----------
    labels : integer array [I, J, K]
    use : ToolUse
        Not `Tool.PAINT_IN_RANGE`, which is a way to paint.
    grid : Grid
        Of the labels: how large voxels are.
    axis, index : int
        The current slice: ``labels`` at ``index`` along ``axis``.
    image : float array [I, J, K], optional
        For `Tool.GROW`.
    painted : sequence of int
        For `Tool.INTERPOLATE`: slices along ``axis`` that a person has painted.
    masks : (integer array [I, J, K], integer array [I, J, K]), optional
        For `Tool.BRING_BACK`: the original mask, and the one that lacks pieces of it.

    Returns
    -------
    integer array [I, J, K]
        A new one.

    Raises
    ------
    ConfigError
        The tool lacks something that it needs: a sentence for the screen.
    """
    if use.tool is Tool.BRING_BACK:
        if masks is None or use.piece is None:
            raise ConfigError("Choose the piece to bring back.")
        return bring_back(labels, *masks, use.piece)
    stack, spacing = np.moveaxis(labels, axis, 0), grid.spacing
    in_plane = [step for i, step in enumerate(spacing) if i != axis]
    result = labels.copy(order="K")
    out = np.moveaxis(result, axis, 0)
    if use.tool is Tool.INTERPOLATE:
        gap = gap_around(painted, index)
        if gap is None:
            raise ConfigError(
                "Paint two slices with a gap between them, then go to a slice in the gap. "
                "The tool fills the slices between."
            )
        out[...] = interpolate_slices(stack, *gap, in_plane, use.label)
        return result
    if use.tool is Tool.GROW and use.label is None:
        raise ConfigError("Choose the label that is to grow.")
    if use.tool is Tool.GROW and image is None:
        raise ConfigError("There is no image of this case to grow along. Open the image first.")
    # In a slice a part's volume is its area times the thickness of the slice.
    size = voxel_ml(grid.affine)
    if use.scope is Scope.VOLUME:
        box = _around(labels, use, spacing)
        result[box] = _once(labels[box], use, spacing, size, None if image is None else image[box])
        return result
    shown = None if image is None else np.moveaxis(image, axis, 0)
    for at in [index] if use.scope is Scope.SLICE else range(len(stack)):
        if stack[at].any():
            own = None if shown is None else shown[at]
            out[at] = _once(stack[at], use, in_plane, size, own)
    return result


def _once(
    labels: Labels, use: ToolUse, spacing: Sequence[float], size: float, image: NDArray[Any] | None
) -> Labels:
    if use.tool is Tool.FILL_HOLES:
        return fill_holes(labels, use.label)
    if use.tool is Tool.REMOVE_ISLANDS:
        return remove_islands(labels, size, _given(use.ml), use.label)
    if use.tool is Tool.SMOOTH:
        return smooth(labels, spacing, _given(use.mm), use.label)
    if use.tool is Tool.GROW and image is not None and use.label is not None:
        growing = partial(grow, labels, image, use.label)
        return growing(_given(use.low), _given(use.high), _given(use.mm), spacing)
    raise ConfigError(f"{use.tool.value} is not used on a whole slice.")


def _around(labels: Labels, use: ToolUse, spacing: Sequence[float]) -> tuple[slice, ...]:
    """All labels, with room to grow: what is far from them takes time and changes nothing."""
    reach = 4 * (use.mm or 0.0) if use.tool is Tool.SMOOTH else use.mm or 0.0
    box = []
    for axis, step in enumerate(spacing):
        where = np.flatnonzero(labels.any(axis=tuple(other for other in range(3) if other != axis)))
        margin = int(reach / step) + 2
        first, last = (int(where[0]), int(where[-1]) + 1) if where.size else (0, 0)
        box.append(slice(max(first - margin, 0), last + margin))
    return tuple(box)


def _given(value: float | None) -> float:
    if value is None:
        raise ConfigError("This tool needs a number that was not given.")
    return value
