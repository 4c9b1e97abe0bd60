"""Fitting the field of view of a network to the axes of an image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError
from napari_osuda.imaging.resampling import AxisSampling, Order, fit_axis
from napari_osuda.imaging.spacing import Respacing
from napari_osuda.imaging.spec import SliceSpec

__all__ = ["head_box", "samplings"]

# Where one edge of a voxel is this much longer than another, splines along it would make up anatomy.
_ANISOTROPIC = 3.0
# Voxels along an axis, and of a slice or volume, that come of no honest header: thick slices grow tenfold.
_LONGEST, _LARGE, _GROWTH = 8192, 2**22, 64


def samplings(
    spec: SliceSpec,
    shape: Sequence[int],
    spacing: Sequence[float],
    within: Sequence[int],
    points: Respacing | None = None,
) -> tuple[AxisSampling, ...]:
    """Fit the field of view of a spec to the axes of a slice, which are these of its orientation.

    ``points`` are those of a volume where they are known.

    Raises
    ------
    CaseError
        The image is longer than any MRI, or its voxels are so large beside those of the network that it
        would grow without measure.
    """
    size, minimum, step = spec.size, spec.minimum, spec.step
    if spec.patch is not None:
        # A whole volume is at least one patch, and patches are moved voxel by voxel.
        if spec.size is not None:
            minimum, step = spec.patch, (1,) * 3
        size = None
    nothing: tuple[None, ...] = (None,) * spec.axes
    pitches = nothing if spec.spacing_mm is None else [spec.spacing_mm[i] for i in within]
    if max(shape) > _LONGEST:
        raise CaseError(
            f"The image has {max(shape):,} voxels along an axis, which no MRI has. Check its header."
        )
    axes = tuple(
        # Windows begin at the image's edge, and so does what a strided network makes of them.
        fit_axis(
            n,
            mm,
            size=pixels,
            extent=extent,
            pitch=pitch,
            step=by,
            minimum=least,
            centered=spec.window is None,
            order=order,
            from_first=spec.interpolation == "points",
            points=known,
        )
        for n, mm, pixels, extent, pitch, by, least, order, known in zip(
            shape,
            spacing,
            size or nothing,
            spec.field_of_view_mm or nothing,
            pitches,
            step or (1,) * spec.axes,
            minimum or nothing,
            _orders(spec, spacing, within),
            nothing if points is None else zip(points.ratios, points.shape, strict=True),
            strict=True,
        )
    )
    grown = math.prod(axis.target for axis in axes)
    if max(axis.target for axis in axes) > _LONGEST or grown > max(_LARGE, _GROWTH * math.prod(shape)):
        grown_to = " x ".join(f"{axis.target:,}" for axis in axes)
        raise CaseError(
            f"The image would grow to {grown_to} voxels for this network. Its own are "
            f"{' x '.join(f'{mm:.3g}' for mm in spacing)} mm large: check the voxel size in its header."
        )
    return axes


def _orders(spec: SliceSpec, spacing: Sequence[float], within: Sequence[int]) -> list[Order]:
    """The order of the interpolation along each axis of a slice."""
    if spec.interpolation != "cubic":
        return [1] * len(within)
    orders: list[Order] = [3] * len(within)
    for mm in (spacing, spec.spacing_mm):
        if mm is None or spec.axes == 2:
            continue
        long = [i for i, edge in enumerate(mm) if edge == max(mm)]
        if max(mm) > _ANISOTROPIC * min(mm) and len(long) == 1:
            orders[long[0]] = 0
            break
    return orders


def head_box(head: NDArray[np.bool_]) -> tuple[slice, ...]:
    """The box around the head [I, J, K]; all of an image without any."""
    box = []
    for axis in range(3):
        held = np.flatnonzero(head.any(axis=tuple(i for i in range(3) if i != axis)))
        box.append(slice(int(held[0]), int(held[-1]) + 1) if held.size else slice(0, head.shape[axis]))
    return tuple(box)
