"""Resampling along one axis at a time, the same code for preprocessing and its inverse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

__all__ = ["AxisSampling", "Order", "fit_axis", "resample"]

Order = Literal[0, 1, 3]

# Headers hold spacings in float32; what drifts by less than this part of a voxel over the whole axis is the
# same spacing, and must not blur.
_SAME = 0.05
# Points that are made together: of few voxels, and yet of enough for one product of matrices.
_BAND = 32


@dataclass(frozen=True)
class AxisSampling:
    """Sample points along one axis: point j lies at source index ``start + ratio * j``.

    Attributes
    ----------
    source, target : int
        Number of voxels that there are and number of points that are wanted.
    start, ratio : float
        Place of the first point and distance between points, in source voxels.
    order : {0, 1, 3}
        Of the interpolation: the nearest voxel, linear (anti-aliased where it shrinks), or cubic splines.
    points, voxels : tuple of int, optional
        First and end of the points that stand for the image, and of the voxels that these lie in. Where they
        are given, interpolation is between neighbors without smoothing, and the outermost of these voxels
        continue.
    """

    source: int
    target: int
    start: float
    ratio: float
    order: Order = 1
    points: tuple[int, int] | None = None
    voxels: tuple[int, int] | None = None

    @property
    def inverse(self) -> AxisSampling:
        """The source voxels as sample points of the target: the nearest where it was that, else linearly."""
        return AxisSampling(
            self.target,
            self.source,
            -self.start / self.ratio,
            1 / self.ratio,
            0 if self.order == 0 else 1,
            points=self.voxels,
            voxels=self.points,
        )

    @property
    def leaves_out(self) -> bool:
        """Whether there are source voxels that no point stands for."""
        return not bool(self.inverse.inside.all())

    @property
    def shift(self) -> int | None:
        """Whole voxels by which the points are shifted where nothing lies between voxels, else None."""
        return int(self.start) if self.ratio == 1 and self.start == int(self.start) else None

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """Which points lie within the extent of the source, from its first voxel's face to its last's."""
        if self.points is not None:
            number = np.arange(self.target)
            return (number >= self.points[0]) & (number < self.points[1])
        point = self.start + self.ratio * np.arange(self.target)
        return np.asarray(point > -0.5 - 1e-6) & (point < self.source - 0.5 + 1e-6)

    @cached_property
    def weights(self) -> NDArray[np.float32]:
        """Matrix [target, source]; a row sums to 1 inside the source and to 0 outside.

        Order 1 is a triangle as wide as the larger of the two spacings: linear interpolation where points lie
        denser than voxels, and an anti-aliased reduction where they lie wider (as in torch's
        ``interpolate(mode="bilinear", antialias=True)``). Up to half a voxel beyond the last center the last
        voxel holds.
        """
        point = self.start + self.ratio * np.arange(self.target)
        if self.voxels is not None and self.order < 3:
            point = np.clip(point, self.voxels[0], self.voxels[1] - 1)
        if self.order != 1:
            # Splines are linear in the voxels, so what they make of each voxel alone says it all.
            columns = [
                scipy.ndimage.map_coordinates(voxel, [point], order=self.order, mode="nearest")
                for voxel in np.eye(self.source)
            ]
            spline: NDArray[np.float32] = np.stack(columns, axis=1).astype(np.float32)
            spline[~self.inside] = 0
            return spline
        width = max(1.0, self.ratio) if self.voxels is None else 1.0
        distance = np.abs(point[:, None] - np.arange(self.source))
        weight: NDArray[np.float64] = np.clip(1 - distance / width, 0, None)
        weight[~self.inside] = 0
        total = weight.sum(axis=1, keepdims=True)
        return (weight / np.where(total > 0, total, 1)).astype(np.float32)


def fit_axis(
    source: int,
    spacing: float,
    *,
    size: int | None = None,
    extent: float | None = None,
    pitch: float | None = None,
    step: int = 1,
    minimum: int | None = None,
    centered: bool = True,
    order: Order = 1,
    from_first: bool = False,
    points: tuple[float, int] | None = None,
) -> AxisSampling:
    """Center a field of view on one axis of an image.

    Parameters
    ----------
    source : int
        Voxels along the axis.
    spacing : float
        Distance between them, mm.
    size : int, optional
        Points that ``extent`` is divided into. Without it points are added on both sides until their
        number is ``minimum`` plus a multiple of ``step``.
    extent : float, optional
        Length of the field of view, mm; the image's own without it.
    pitch : float, optional
        Distance between points where no ``size`` gives it, mm; the image's own without it, and then
        nothing is resampled.
    step, minimum : int
        What the network asks of its input's size; ``minimum`` is ``step`` unless given.
    centered : bool
        Whether the points that reach a multiple of ``step`` are added on both sides, or all at the end.
        Those that reach ``minimum`` always are on both sides.
    order : {0, 1, 3}
        Of the interpolation. With splines the points that fit into ``length`` at ``pitch`` fill it, as where
        such networks come from.
    from_first : bool
        Whether the points begin at the first voxel, without smoothing, as those of MONAI's ``Spacing`` do;
        no ``size`` is given then.
    points : tuple of float and int, optional
        Of these points, where they are known already: their distance in voxels, and how many they are.
    """
    if from_first:
        ratio, wanted = _from_first(source, spacing, pitch or spacing) if points is None else points
        return _padded(source, 0.0, ratio, wanted, step, minimum or step)
    length = source * spacing if extent is None else extent
    if size is None:
        ratio = 1.0 if pitch is None else pitch / spacing
        wanted = max(1, round(length / spacing / ratio))
        floor = step if minimum is None else minimum
        if order != 1:
            return _filled(source, wanted, step, floor, order, centered=centered)
        target = floor + step * max(0, math.ceil((wanted - floor) / step))
        held = target if centered or wanted < floor else wanted
    else:
        target = held = size
        ratio = length / size / spacing
    if abs(ratio - 1) * target < _SAME:
        ratio = 1.0
    start = (source - 1) / 2 - ratio * (held - 1) / 2
    if ratio == 1:
        start = math.trunc(start)
    return AxisSampling(source, target, float(start), ratio, order)


def _from_first(source: int, spacing: float, pitch: float) -> tuple[float, int]:
    ratio = pitch / spacing
    if abs(ratio - 1) * source < _SAME:
        ratio = 1.0
    return ratio, round((source - 1) / ratio + 1)


def _filled(
    source: int, wanted: int, step: int, minimum: int, order: Order, *, centered: bool
) -> AxisSampling:
    """So many points over the whole of an image, as nnU-Net places them; 1 to 1 it is only padded."""
    ratio = source / wanted
    axis = _padded(source, (ratio - 1) / 2, ratio, wanted, step, minimum, order)
    if centered or wanted < minimum:
        return axis
    return replace(axis, start=(ratio - 1) / 2, points=(0, wanted))


def _padded(
    source: int, start: float, ratio: float, wanted: int, step: int, minimum: int, order: Order = 1
) -> AxisSampling:
    """Points that stand for an image, with as many beside them as a network needs, half of them before."""
    target = minimum + step * max(0, math.ceil((wanted - minimum) / step))
    before = (target - wanted) // 2
    return AxisSampling(
        source, target, start - ratio * before, ratio, order, (before, before + wanted), (0, source)
    )


def resample(
    images: NDArray[np.float32], axes: Sequence[AxisSampling], outside: ArrayLike = 0.0
) -> NDArray[np.float32]:
    """Resample the last ``len(axes)`` axes of ``images``.

    Parameters
    ----------
    images : float32 array [..., *sources]
        For example [B, C, H, W] for two axes.
    axes : sequence of AxisSampling
        One for each of the last axes.
    outside : float or array [C]
        Value of the points outside the source; one for each entry of the axis before the resampled ones.

    Returns
    -------
    float32 array [..., *targets], C-contiguous
        A new array; exactly the voxels of ``images`` where an axis is only shifted.
    """
    result = images
    fill = np.asarray(outside, np.float32).reshape(-1, *[1] * len(axes))
    for position, axis in enumerate(axes, start=images.ndim - len(axes)):
        result = _along(result, position, axis)
    if np.shares_memory(result, images):
        result = result.copy()
    for position, axis in enumerate(axes, start=images.ndim - len(axes)):
        if not axis.inside.all():
            beyond: list[Any] = [slice(None)] * images.ndim
            beyond[position] = ~axis.inside
            result[tuple(beyond)] = fill
    return np.ascontiguousarray(result)


def _along(images: NDArray[np.float32], position: int, axis: AxisSampling) -> NDArray[np.float32]:
    """Resample one axis; points outside become 0 for the moment."""
    shift = axis.shift
    if shift is None:
        return _weighted(images, position, axis.weights)
    if shift == 0 and axis.source == axis.target:
        return images
    first, last = max(shift, 0), min(shift + axis.target, axis.source)
    shape = list(images.shape)
    shape[position] = axis.target
    result = np.zeros(shape, np.float32)
    if last > first:
        taken: list[Any] = [slice(None)] * images.ndim
        placed = list(taken)
        taken[position] = slice(first, last)
        placed[position] = slice(first - shift, last - shift)
        result[tuple(placed)] = images[tuple(taken)]
    return result


def _weighted(
    images: NDArray[np.float32], position: int, weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Weight the voxels along one axis, band by band: voxels that weigh nothing are not gone over."""
    # Rows are weighted where they lie: nothing is moved about in memory.
    rows = position == images.ndim - 2
    if not rows:
        images = np.moveaxis(images, position, -1)
    lead, target = images.shape[:-2], len(weights)
    shape = (*lead, target, images.shape[-1]) if rows else (*images.shape[:-1], target)
    result = np.empty(shape, np.float32)
    for first in range(0, target, _BAND):
        points = slice(first, first + _BAND)
        used = np.flatnonzero(weights[points].any(axis=0))
        voxels = slice(int(used[0]), int(used[-1]) + 1) if used.size else slice(0, 1)
        band = weights[points, voxels]
        if rows:
            np.matmul(band, images[..., voxels, :], out=result[..., points, :])
        else:
            np.matmul(images[..., voxels], band.T, out=result[..., points])
    return result if rows else np.moveaxis(result, -1, position)
