"""Normalization of images that are resampled first, as MONAI does: by figures of the resampled volume."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.imaging.intensity.head import Air, Head
from napari_osuda.imaging.intensity.maps import IntensityMap, MappedIntensity, fit_mapped
from napari_osuda.imaging.intensity.normalization import Intensity, IntensityNormalization, fit_intensity
from napari_osuda.imaging.spacing import FieldOfView

__all__ = ["PointNormalization", "zero_of"]


@dataclass(frozen=True, eq=False)
class PointNormalization:
    """Slices of a case, resampled and then normalized.

    Attributes
    ----------
    data : float32 array [C, I, J, K]
        Raw intensities.
    head : Head
        Of the case.
    how : sequence of str
        The normalization of each channel.
    maps : sequence of IntensityMap
        What follows it.
    cut : callable
        Gives the chosen slices [B, H, W] of a volume [I, J, K].
    view : FieldOfView
        Brings such slices to the network's voxels.
    count : int
        Slices that there are.
    """

    data: NDArray[np.float32]
    head: Head
    how: Sequence[IntensityNormalization]
    maps: Sequence[IntensityMap]
    cut: Callable[[NDArray[Any], NDArray[np.intp]], NDArray[Any]]
    view: FieldOfView
    count: int

    def __call__(self, channel: int, chosen: NDArray[np.intp]) -> NDArray[np.float32]:
        """The chosen slices of a channel: float32 [B, h, w]; what is added around the image is 0."""
        image, within = self._resampled(channel, chosen)
        values: NDArray[np.float32] = self._fitted[channel](image)
        if within is not None:
            values[~within] = 0.0
        for number, axis in enumerate(self.view.axes, start=1):
            np.moveaxis(values, number, 0)[~axis.inside] = 0.0
        return values

    @cached_property
    def _zeros(self) -> tuple[float, ...]:
        return tuple(zero_of(*pair) for pair in zip(self.data, self.head.airs, strict=True))

    @cached_property
    def _fitted(self) -> tuple[Intensity | MappedIntensity, ...]:
        """The figures of each channel's whole resampled volume, without what is added around it."""
        every, fitted = np.arange(self.count), []
        held = np.ix_(every, *(np.flatnonzero(axis.inside) for axis in self.view.axes))
        for channel, (how, mapped) in enumerate(zip(self.how, self.maps, strict=True)):
            image, within = self._resampled(channel, every)
            image, within = image[held], None if within is None else within[held]
            air = replace(self.head.airs[channel], constants=(0.0,), level=0.0)
            intensity = fit_intensity(image, how, within, air)
            fitted.append(fit_mapped(image, intensity, mapped, image != 0 if within is None else within, air))
        return tuple(fitted)

    def _resampled(
        self, channel: int, chosen: NDArray[np.intp]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
        """Raw slices, and what of them is head where values alone do not tell."""
        how, air = self.how[channel], self.head.airs[channel]
        raw = self.cut(self.data[channel], chosen)
        if how == "zscore_nonzero" and air.constants != (0.0,):
            # Weighted sums keep 0 alone as it is.
            raw = np.where(air.is_constant(raw), np.float32(0), raw - np.float32(self._zeros[channel]))
        mask = self.head.filled if how == "zscore_head" else None
        if how == "zscore_nonzero" and air.is_noise:
            mask = self.head.mask
        if mask is None:
            return self.view.forth(raw), None
        return self.view.forth(raw), self.view.forth(self.cut(mask, chosen).astype(np.float32)) >= 0.5


def zero_of(channel: NDArray[Any], air: Air) -> float:
    """The intensity of no signal, in an image whose air is a constant.

    That is the constant's, where tissue begins near it: the whole image was shifted. Where tissue lies
    further from it than it spreads, only the air was set to another value.
    """
    if len(air.constants) == 1:
        return 0.0
    values = channel[~air.is_constant(channel)]
    if not values.size:
        return 0.0
    low, high = (float(v) for v in np.percentile(values, (1, 95)))
    constant = air.constants[1]
    return constant if abs(low - constant) <= high - low else min(0.0, low)
