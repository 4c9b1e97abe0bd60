"""Preprocessing and its inverse: a case's slices for the network, and its answers in the case's voxels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_osuda.imaging.case import Case
from napari_osuda.imaging.grid import Reorientation, require_axes
from napari_osuda.imaging.intensity_maps import IntensityMap, fit_mapped
from napari_osuda.imaging.normalization import (
    IntensityNormalization,
    filled_head,
    fit_intensity,
    not_zero,
)
from napari_osuda.imaging.planes import array_axis
from napari_osuda.imaging.resampling import AxisSampling, Order, fit_axis, resample
from napari_osuda.imaging.spec import SliceSpec

__all__ = ["SliceStack"]

# Where one edge of a voxel is this much longer than another, splines along it would make up anatomy.
_ANISOTROPIC = 3.0


class SliceStack:
    """The slices of a case as a network wants them, made when asked for, and the inverse.

    A slice is [C, rows, columns] of the volume in ``spec.orientation`` with the plane's axis taken out and
    the array order kept; slices are numbered along that axis. Each channel is normalized by figures of its
    whole volume, then centered on, cropped or padded to the field of view (with what air, a raw 0, is
    normalized to) and resampled linearly, anti-aliased where it shrinks. An oblique volume is sliced along
    its own array axes, the nearest to the plane: nothing is interpolated between slices.

    Parameters
    ----------
    case : Case
        Kept by reference; its data are neither changed nor copied.
    spec : SliceSpec
        How the network sees it.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns of the network's image, [h, w] (or [d, h, w]).
    plane_shape : tuple of int
        Rows and columns of a slice in the case's own voxels, [H, W] (or [D, H, W]).
    patch : tuple of int or None
        Of a volume that goes through the network in patches, their size in the network's voxels.
    window : tuple of int or None
        Of slices that go through the network in windows, their size; None where that is the slice's.
    """

    def __init__(self, case: Case, spec: SliceSpec) -> None:
        self.case = case
        self.spec = spec
        orientation = require_axes(spec.orientation)
        self._reorientation = Reorientation(case.grid.affine, orientation)
        # None: no axis is taken out, and the volume is a stack of one.
        self._axis = array_axis(spec.plane, orientation)
        within = [i for i in range(3) if i != self._axis]
        reorder = self._reorientation.reorder
        shape, spacing = reorder(case.grid.shape), reorder(case.grid.spacing)
        self._length: int = 1 if self._axis is None else shape[self._axis]
        box = _head_box(case.data) if spec.crop_to_head else tuple(slice(0, n) for n in case.grid.shape)
        # In the case's own array order for the figures, in the network's for its slices.
        self._box = box
        flips = self._reorientation.flips
        reordered = reorder(
            [
                slice(n - b.stop, n - b.start) if flip else b
                for n, b, flip in zip(case.grid.shape, box, flips, strict=True)
            ]
        )
        self._window = tuple(reordered[i] for i in within)
        self._axes = _samplings(
            spec, [w.stop - w.start for w in self._window], [spacing[i] for i in within], within
        )
        self._inverse_axes = tuple(axis.inverse for axis in self._axes)
        self.shape = tuple(axis.target for axis in self._axes)
        self.plane_shape = tuple(shape[i] for i in within)
        self.patch = None if spec.patch is None else tuple(map(min, spec.patch, self.shape))
        window = None if spec.window is None else tuple(map(min, spec.window, self.shape))
        self.window = None if window == self.shape else window

    def __len__(self) -> int:
        return self._length

    @cached_property
    def foreground(self) -> NDArray[np.bool_]:
        """Which slices have any voxel, in any channel, that is not 0: bool [S]."""
        return self.head_sizes > 0

    @cached_property
    def head_sizes(self) -> NDArray[np.intp]:
        """Pixels (voxels of a volume) of each slice that are not 0 in any channel: [S]."""
        stack = self.stacked(not_zero(self.case.data))
        return np.asarray(np.count_nonzero(stack, axis=tuple(range(1, stack.ndim))), np.intp)

    def slices(self, indices: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Give slices to the network.

        Parameters
        ----------
        indices : sequence of B int
            Along the plane's axis in ``spec.orientation``.

        Returns
        -------
        float32 array [B, C, h, w], C-contiguous
            For ``volume`` [B, C, d, h, w].
        """
        chosen = np.asarray(indices, np.intp)
        result = np.empty((len(chosen), len(self.case.channels), *self.shape), np.float32)
        for c, (channel, intensity) in enumerate(zip(self.case.data, self._intensities, strict=True)):
            values, air = intensity(self._cut(channel, chosen)), intensity.air
            if self._normalizations[c] == "zscore_head":
                values[~self._cut(self._head, chosen)] = air = 0.0
            # Beyond a box that was cut out there is nothing: 0 after the normalization.
            image = resample(values, self._axes, 0.0 if self.spec.crop_to_head else air)
            if self.spec.interpolation == "cubic":
                # Splines overshoot.
                np.clip(image, values.min(initial=0.0), values.max(initial=0.0), out=image)
            result[:, c] = image
        return result

    @cached_property
    def head(self) -> NDArray[np.bool_]:
        """Where a volume has a voxel that is not 0 in any channel, in the network's voxels: [d, h, w]."""
        share = self._cut(not_zero(self.case.data), np.arange(len(self))).astype(np.float32)
        inside: NDArray[np.bool_] = resample(share, self._axes)[0] >= 0.5
        return inside

    def inverse(
        self,
        indices: Sequence[int] | NDArray[np.integer[Any]],
        planes: NDArray[np.float32],
        outside: ArrayLike | None = None,
    ) -> NDArray[np.float32]:
        """Return the network's probabilities to the voxels of the slices, by linear interpolation.

        Parameters
        ----------
        indices : sequence of B int
            The slices that were given to the network.
        planes : float32 array [B, K, h, w]
            Probabilities (not logits: those do not average).
        outside : array [K], optional
            What voxels outside the field of view get: by default 1 for class 0 and 0 for the others.

        Returns
        -------
        float32 array [B, K, H, W], C-contiguous
            In ``spec.orientation``; `assemble` brings labels back to the order of the case's array.
        """
        if planes.shape[:1] + planes.shape[2:] != (len(indices), *self.shape):
            raise ValueError(
                f"{len(indices)} slices of {self.shape} pixels were expected, not {planes.shape}."
            )
        if outside is None:
            outside = np.eye(1, planes.shape[1])[0]
        rereordered = resample(np.asarray(planes, np.float32), self._inverse_axes, outside)
        if rereordered.shape[2:] == self.plane_shape:
            return rereordered
        whole = np.empty((*planes.shape[:2], *self.plane_shape), np.float32)
        whole[:] = np.asarray(outside, np.float32).reshape(-1, *[1] * len(self.plane_shape))
        whole[(slice(None), slice(None), *self._window)] = rereordered
        return whole

    def assemble(self, planes: NDArray[Any] | Mapping[int, NDArray[Any]]) -> NDArray[Any]:
        """Put label planes together in the order of the case's array.

        Parameters
        ----------
        planes : integer array [S, H, W], or mapping of index to array [H, W]
            In ``spec.orientation``; a slice that a mapping lacks is background, 0.

        Returns
        -------
        array [I, J, K] of the same dtype, C-contiguous
        """
        if isinstance(planes, Mapping):
            dtype = np.result_type(*planes.values()) if planes else np.dtype(np.uint8)
            stack = np.zeros((len(self), *self.plane_shape), dtype)
            for index, plane in planes.items():
                stack[index] = plane
        else:
            stack = planes
        if stack.shape != (len(self), *self.plane_shape):
            raise ValueError(
                f"{len(self)} planes of {self.plane_shape} voxels are needed, not {stack.shape}."
            )
        volume = stack[0] if self._axis is None else np.moveaxis(stack, 0, self._axis)
        return np.ascontiguousarray(self._reorientation.undo(volume))

    @cached_property
    def _head(self) -> NDArray[np.bool_]:
        return filled_head(self.case.data)

    @cached_property
    def _normalizations(self) -> tuple[IntensityNormalization, ...]:
        how = self.spec.normalization
        return how if isinstance(how, tuple) else (how,) * len(self.case.data)

    @cached_property
    def _intensities(self) -> tuple[Any, ...]:
        unmapped: IntensityMap = "identity"
        maps = self.spec.intensity_maps or (unmapped,) * len(self.case.data)
        head = self._head[self._box] if "zscore_head" in self._normalizations else None
        return tuple(
            fit_mapped(channel, fit_intensity(channel[self._box], how, head), mapped)
            for channel, how, mapped in zip(self.case.data, self._normalizations, maps, strict=True)
        )

    def _cut(self, volume: NDArray[Any], chosen: NDArray[np.intp]) -> NDArray[Any]:
        """The chosen slices [B, H, W] of a volume [I, J, K], within the box."""
        cut: NDArray[Any] = self.stacked(volume)[(chosen, *self._window)]
        return cut

    def stacked(self, volume: NDArray[Any]) -> NDArray[Any]:
        """View a volume [I, J, K] of the case as the network's slices [S, H, W], or [1, D, H, W]."""
        reordered = self._reorientation.apply(volume)
        return reordered[None] if self._axis is None else np.moveaxis(reordered, self._axis, 0)


def _head_box(data: NDArray[np.float32]) -> tuple[slice, ...]:
    """The box around the voxels [I, J, K] that are not 0 in any channel; all of an empty image."""
    head = not_zero(data)
    box = []
    for axis in range(3):
        held = np.flatnonzero(head.any(axis=tuple(i for i in range(3) if i != axis)))
        box.append(slice(int(held[0]), int(held[-1]) + 1) if held.size else slice(0, head.shape[axis]))
    return tuple(box)


def _samplings(
    spec: SliceSpec, shape: Sequence[int], spacing: Sequence[float], within: Sequence[int]
) -> tuple[AxisSampling, ...]:
    """Fit the field of view of ``spec`` to the axes of a slice, which are these of its orientation."""
    size, minimum, step = spec.size, spec.minimum, spec.step
    if spec.patch is not None:
        # A whole volume is at least one patch, and patches are moved voxel by voxel.
        size, minimum, step = None, spec.patch if size else minimum, (1,) * 3 if size else step
    nothing: tuple[None, ...] = (None,) * spec.axes
    pitches = nothing if spec.spacing_mm is None else [spec.spacing_mm[i] for i in within]
    return tuple(
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
        )
        for n, mm, pixels, extent, pitch, by, least, order in zip(
            shape,
            spacing,
            size or nothing,
            spec.field_of_view_mm or nothing,
            pitches,
            step or (1,) * spec.axes,
            minimum or nothing,
            _orders(spec, spacing, within),
            strict=True,
        )
    )


def _orders(spec: SliceSpec, spacing: Sequence[float], within: Sequence[int]) -> list[Order]:
    """The order of the interpolation along each axis of a slice."""
    if spec.interpolation == "linear":
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
