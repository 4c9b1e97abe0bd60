"""The way in and the way back: slices of a case for the network, and its answers in the case's own voxels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_osuda.errors import ConfigError
from napari_osuda.imaging.case import Case
from napari_osuda.imaging.grid import Reorientation, require_axes
from napari_osuda.imaging.intensity_maps import INTENSITY_MAPS, IntensityMap, fit_mapped
from napari_osuda.imaging.normalisation import NORMALISATIONS, Normalisation, fit_intensity
from napari_osuda.imaging.resampling import AxisSampling, fit_axis, resample

__all__ = ["Plane", "SliceSpec", "SliceStack"]

Plane = Literal["axial", "coronal", "sagittal", "volume"]
_ACROSS = {"axial": "IS", "coronal": "PA", "sagittal": "LR"}


@dataclass(frozen=True)
class SliceSpec:
    """How a network sees an MRI: ``config.osuda`` of its model card.

    Attributes
    ----------
    plane : {'axial', 'coronal', 'sagittal', 'volume'}
        The slices of a 2-D network; ``volume`` for a 3-D one.
    orientation : str
        Axis codes of the array that the network was trained on, such as ``"RAS"``.
    size : tuple of int, optional
        Pixels of the network's image, rows and columns (three axes for ``volume``). Without it, or without
        a field of view for ``volume`` (where it is then the size of a patch), voxels stay as they are and
        the image is padded to ``step``.
    field_of_view_mm : tuple of float, optional
        What the image is cropped or padded to, centred, mm; its own extent without it.
    step, minimum : tuple of int, optional
        A size that is not fixed becomes ``minimum`` plus a multiple of ``step``; ``minimum`` is ``step``
        unless given.
    normalisation : {'zscore_nonzero', 'zscore', 'percentile_1_99', 'none'}
        See `normalise`.
    intensity_maps : tuple of str, optional
        For each channel the map that follows its normalisation, of `INTENSITY_MAPS`; none without it.

    Raises
    ------
    ConfigError
        A word is unknown or a tuple has the wrong length.
    """

    plane: Plane = "axial"
    orientation: str = "RAS"
    size: tuple[int, ...] | None = None
    field_of_view_mm: tuple[float, ...] | None = None
    step: tuple[int, ...] | None = None
    minimum: tuple[int, ...] | None = None
    normalisation: Normalisation = "zscore_nonzero"
    intensity_maps: tuple[IntensityMap, ...] | None = None

    def __post_init__(self) -> None:
        if self.plane not in get_args(Plane):
            raise ConfigError(f"plane is {self.plane!r}; it must be one of {', '.join(get_args(Plane))}.")
        if self.normalisation not in NORMALISATIONS:
            raise ConfigError(
                f"normalisation is {self.normalisation!r}; it must be one of {', '.join(NORMALISATIONS)}."
            )
        for name in self.intensity_maps or ():
            if name not in INTENSITY_MAPS:
                raise ConfigError(
                    f"intensity_maps has {name!r}; it must be one of {', '.join(INTENSITY_MAPS)}."
                )
        require_axes(self.orientation)
        for key in ("size", "field_of_view_mm", "step", "minimum"):
            value = getattr(self, key)
            if value is not None and len(value) != self.axes:
                raise ConfigError(f"{key} is {list(value)}; plane {self.plane} has {self.axes} axes.")

    @property
    def axes(self) -> int:
        """Spatial axes of the network's input: 2 or 3."""
        return 3 if self.plane == "volume" else 2


class SliceStack:
    """The slices of a case as a network wants them, made when asked for, and the way back.

    A slice is [C, rows, columns] of the volume in ``spec.orientation`` with the plane's axis taken out and
    the array order kept; slices are numbered along that axis. Each channel is normalised by figures of its
    whole volume, then centred on, cropped or padded to the field of view (with what air, a raw 0, is
    normalised to) and resampled linearly, anti-aliased where it shrinks. An oblique volume is sliced along
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
    """

    def __init__(self, case: Case, spec: SliceSpec) -> None:
        self.case = case
        self.spec = spec
        orientation = require_axes(spec.orientation)
        self._turn = Reorientation(case.grid.affine, orientation)
        across = _ACROSS.get(spec.plane)
        # None: no axis is taken out, and the volume is a stack of one.
        self._axis = None if across is None else next(i for i, c in enumerate(orientation) if c in across)
        within = [i for i in range(3) if i != self._axis]
        shape, spacing = self._turn.reorder(case.grid.shape), self._turn.reorder(case.grid.spacing)
        self._length: int = 1 if self._axis is None else shape[self._axis]
        self._axes = _samplings(spec, [shape[i] for i in within], [spacing[i] for i in within])
        self._back = tuple(axis.inverse for axis in self._axes)
        self.shape = tuple(axis.target for axis in self._axes)
        self.plane_shape = tuple(axis.source for axis in self._axes)

    def __len__(self) -> int:
        return self._length

    @cached_property
    def foreground(self) -> NDArray[np.bool_]:
        """Which slices have any voxel, in any channel, that is not 0: bool [S]."""
        return self.head_sizes > 0

    @cached_property
    def head_sizes(self) -> NDArray[np.intp]:
        """Pixels (voxels of a volume) of each slice that are not 0 in any channel: [S]."""
        head = np.zeros(self.case.data.shape[1:], bool)
        for channel in self.case.data:
            head |= channel != 0
        stack = self.stacked(head)
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
        for place, (channel, intensity) in enumerate(zip(self.case.data, self._intensities, strict=True)):
            raw = self.stacked(channel)[chosen]
            result[:, place] = resample(intensity(raw), self._axes, intensity.air)
        return result

    def back(
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
        return resample(np.asarray(planes, np.float32), self._back, outside)

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
        return np.ascontiguousarray(self._turn.undo(volume))

    @cached_property
    def _intensities(self) -> tuple[Any, ...]:
        unmapped: IntensityMap = "identity"
        maps = self.spec.intensity_maps or (unmapped,) * len(self.case.data)
        return tuple(
            fit_mapped(channel, fit_intensity(channel, self.spec.normalisation), how)
            for channel, how in zip(self.case.data, maps, strict=True)
        )

    def stacked(self, volume: NDArray[Any]) -> NDArray[Any]:
        """View a volume [I, J, K] of the case as the network's slices [S, H, W], or [1, D, H, W]."""
        turned = self._turn.apply(volume)
        return turned[None] if self._axis is None else np.moveaxis(turned, self._axis, 0)


def _samplings(spec: SliceSpec, shape: Sequence[int], spacing: Sequence[float]) -> tuple[AxisSampling, ...]:
    """Fit the field of view of ``spec`` to the axes of a slice."""
    size, minimum = spec.size, spec.minimum
    if spec.plane == "volume" and spec.field_of_view_mm is None and size is not None:
        # The size of a patch: a whole volume is at least one patch.
        minimum = tuple(np.maximum(size, minimum or size).tolist())
        size = None
    nothing: tuple[None, ...] = (None,) * spec.axes
    return tuple(
        fit_axis(n, mm, size=pixels, extent=extent, step=step, minimum=least)
        for n, mm, pixels, extent, step, least in zip(
            shape,
            spacing,
            size or nothing,
            spec.field_of_view_mm or nothing,
            spec.step or (1,) * spec.axes,
            minimum or nothing,
            strict=True,
        )
    )
