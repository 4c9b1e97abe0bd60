"""Preprocessing and its inverse: a case's slices for the network, and its answers in the case's voxels."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_osuda.imaging.case import Case
from napari_osuda.imaging.field_of_view import head_box, samplings
from napari_osuda.imaging.grid import Reorientation, require_axes
from napari_osuda.imaging.intensity.maps import IntensityMap, MappedIntensity, fit_mapped
from napari_osuda.imaging.intensity.normalization import IntensityNormalization, fit_intensity
from napari_osuda.imaging.intensity.points import PointNormalization
from napari_osuda.imaging.planes import array_axis
from napari_osuda.imaging.resampling import AxisSampling
from napari_osuda.imaging.spacing import FieldOfView, Respacing, follow_head, respacing
from napari_osuda.imaging.spec import SliceSpec

__all__ = ["SliceStack"]


class SliceStack:
    """The slices of a case as a network wants them, made when asked for, and the inverse.

    A slice is [C, rows, columns] of the volume in ``spec.orientation`` with the plane's axis taken out and
    the array order kept; slices are numbered along that axis. Each channel is normalized by figures of its
    whole volume, then cropped or padded (with what air is normalized to) to the field of view, and resampled
    linearly, anti-aliased where it shrinks. The field of view is centered on the image, or moved to the head
    where it would leave some of it out. An oblique volume is sliced along its own array axes, the nearest to
    the plane: nothing is interpolated between slices.

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
    plane_shape, extent_mm : tuple
        Rows and columns of a slice in the case's own voxels, [H, W] (or [D, H, W]), and what they measure.
    patch : tuple of int or None
        Of a volume that goes through the network in patches, their size in the network's voxels.
    window : tuple of int or None
        Of slices that go through the network in windows, their size; None where that is the slice's.
    held : tuple of int
        Pixels of the network's image, from the first on, that windows go over.
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
        box = head_box(case.head.mask) if spec.crop_to_head else tuple(slice(0, n) for n in case.grid.shape)
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
        extents = [w.stop - w.start for w in self._window]
        points = self._respaced(extents)
        axes = samplings(spec, extents, [spacing[i] for i in within], within, points)
        axes = tuple(
            follow_head(axis, profile) if axis.leaves_out else axis
            for axis, profile in zip(axes, self._profiles(axes), strict=True)
        )
        self._view = FieldOfView(axes, points)
        self.shape = self._view.shape
        self.plane_shape = tuple(shape[i] for i in within)
        self.extent_mm = tuple(shape[i] * spacing[i] for i in within)
        self.patch = None if spec.patch is None else tuple(map(min, spec.patch, self.shape))
        window = None if spec.window is None else tuple(map(min, spec.window, self.shape))
        self.window = None if window == self.shape else window
        self.held = self._view.held(self.window or self.shape)

    def __len__(self) -> int:
        return self._length

    def _respaced(self, extents: Sequence[int]) -> Respacing | None:
        """Where the points of a volume that is resampled as MONAI does it lie in its box."""
        spec = self.spec
        if spec.interpolation != "points" or spec.spacing_mm is None or self._axis is not None:
            return None
        corner = np.eye(4)
        corner[:3, 3] = [window.start for window in self._window]
        return respacing(self._reorientation.affine(self.case.grid) @ corner, extents, spec.spacing_mm)

    @cached_property
    def foreground(self) -> NDArray[np.bool_]:
        """Which slices have any voxel of the head: bool [S]."""
        return self.head_sizes > 0

    def thinned(self, count: int) -> SliceStack:
        """The same case with at most ``count`` of its slices with head, evenly spaced."""
        thin = copy.copy(self)
        chosen = np.flatnonzero(self.foreground)
        step = max(1, -(-len(chosen) // count))
        thin.foreground = np.isin(np.arange(len(self)), chosen[step // 2 :: step])
        return thin

    @cached_property
    def head_sizes(self) -> NDArray[np.intp]:
        """Pixels (voxels of a volume) of each slice that are head: [S]."""
        stack = self.stacked(self.case.head.mask)
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
        if self.spec.interpolation == "points":
            for c in range(len(self.case.channels)):
                result[:, c] = self._by_points(c, chosen)
            return result
        for c, (channel, intensity) in enumerate(zip(self.case.data, self._intensities, strict=True)):
            raw = self._cut(channel, chosen)
            values, air = intensity(raw), intensity.air
            if self._normalizations[c] == "zscore_head":
                values[~self._cut(self.case.head.filled, chosen)] = air = 0.0
            elif self.case.head.airs[c].is_noise:
                outside = ~self._cut(self.case.head.mask, chosen)
                if self._normalizations[c] == "zscore_nonzero":
                    values[outside] = air = 0.0
                elif isinstance(intensity, MappedIntensity):
                    # Noise keeps its looks, whatever becomes of the head's.
                    values[outside] = intensity.intensity(raw[outside])
            # Beyond a box that was cut out there is nothing: 0 after the normalization.
            image = self._view.forth(values, 0.0 if self.spec.crop_to_head else air)
            if self.spec.interpolation == "cubic":
                # Splines overshoot.
                np.clip(image, values.min(initial=0.0), values.max(initial=0.0), out=image)
            result[:, c] = image
        return result

    @cached_property
    def head(self) -> NDArray[np.bool_]:
        """Where a volume has head, in the network's voxels: bool [d, h, w]."""
        inside: NDArray[np.bool_] = self._head_share([0])[0] >= 0.5
        return inside

    def heads(self, indices: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
        """Where slices show any of the head, in the network's voxels: bool [B, h, w] (or [B, d, h, w])."""
        return self._head_share(indices) > (0.5 if self.spec.interpolation == "cubic" else 0.0)

    @cached_property
    def unseen(self) -> float:
        """Share of the head that lies outside the network's field of view: 0 to 1."""
        mask = self.stacked(self.case.head.mask)
        whole = int(np.count_nonzero(mask))
        seen: Any = mask[(slice(None), *self._window)]
        for axis, sampling in enumerate(self._view.axes, start=1):
            seen = np.compress(sampling.inverse.inside, seen, axis=axis)
        return 1.0 - int(np.count_nonzero(seen)) / whole if whole else 0.0

    def _profiles(self, axes: Sequence[AxisSampling]) -> Iterator[NDArray[np.intp]]:
        """For each axis of a slice, how many voxels of the head lie at each of its voxels."""
        for axis, sampling in enumerate(axes, start=1):
            if not sampling.leaves_out:
                yield np.empty(0, np.intp)
                continue
            mask = self.stacked(self.case.head.mask)[(slice(None), *self._window)]
            others = tuple(i for i in range(mask.ndim) if i != axis)
            yield np.asarray(np.count_nonzero(mask, axis=others), np.intp)

    def _head_share(self, indices: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        cut = self._cut(self.case.head.mask, np.asarray(indices, np.intp))
        return self._view.forth(cut.astype(np.float32))

    def inverse(
        self,
        indices: Sequence[int] | NDArray[np.integer[Any]],
        planes: NDArray[np.float32],
        outside: ArrayLike | None = None,
        *,
        nearest: bool = False,
    ) -> NDArray[np.float32]:
        """Return the network's probabilities to the voxels of the slices, linearly or from the ``nearest``.

        Parameters
        ----------
        indices : sequence of B int
            The slices that were given to the network.
        planes : float32 array [B, K, h, w]
            Probabilities, or what else is to be interpolated.
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
        rereordered = self._view.back(np.asarray(planes, np.float32), outside, nearest=nearest)
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
    def _normalizations(self) -> tuple[IntensityNormalization, ...]:
        how = self.spec.normalization
        return how if isinstance(how, tuple) else (how,) * len(self.case.data)

    @property
    def _maps(self) -> tuple[IntensityMap, ...]:
        unmapped: IntensityMap = "identity"
        return self.spec.intensity_maps or (unmapped,) * len(self.case.data)

    @cached_property
    def _intensities(self) -> tuple[Any, ...]:
        head = self.case.head
        made = []
        for channel, how, mapped, air in zip(
            self.case.data, self._normalizations, self._maps, head.airs, strict=True
        ):
            within = (head.filled if how == "zscore_head" else head.mask)[self._box]
            intensity = fit_intensity(channel[self._box], how, within, air)
            own = head.mask if air.is_noise else None
            made.append(fit_mapped(channel, intensity, mapped, own, air))
        return tuple(made)

    @cached_property
    def _by_points(self) -> PointNormalization:
        head, how = self.case.head, self._normalizations
        return PointNormalization(self.case.data, head, how, self._maps, self._cut, self._view, len(self))

    def _cut(self, volume: NDArray[Any], chosen: NDArray[np.intp]) -> NDArray[Any]:
        """The chosen slices [B, H, W] of a volume [I, J, K], within the box."""
        cut: NDArray[Any] = self.stacked(volume)[(chosen, *self._window)]
        return cut

    def stacked(self, volume: NDArray[Any]) -> NDArray[Any]:
        """View a volume [I, J, K] of the case as the network's slices [S, H, W], or [1, D, H, W]."""
        reordered = self._reorientation.apply(volume)
        return reordered[None] if self._axis is None else np.moveaxis(reordered, self._axis, 0)
