"""Normalization of images that are resampled first, as MONAI does: by figures of the resampled volume."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.imaging.intensity.head import Air, Head
from napari_osuda.imaging.intensity.maps import IntensityMap, MappedIntensity, fit_mapped
from napari_osuda.imaging.intensity.normalization import Intensity, IntensityNormalization, fit_intensity

__all__ = ["fit_to_points", "marked", "with_zero_air"]


def with_zero_air(raw: NDArray[Any], how: IntensityNormalization, air: Air) -> NDArray[np.float32]:
    """Raw intensities, for ``zscore_nonzero`` with 0 in the air: weighted sums keep 0 alone as it is."""
    if how != "zscore_nonzero" or air.constants == (0.0,):
        return raw.astype(np.float32, copy=False)
    return np.where(air.is_constant(raw), np.float32(0), raw - np.float32(air.constants[1]))


def marked(how: IntensityNormalization, head: Head, channel: int) -> NDArray[np.bool_] | None:
    """The voxels beside which all becomes 0 after a normalization; None where values alone tell."""
    if how == "zscore_head":
        return head.filled
    return head.mask if how == "zscore_nonzero" and head.airs[channel].is_noise else None


def fit_to_points(
    image: NDArray[np.float32],
    mask: NDArray[np.bool_] | None,
    how: IntensityNormalization,
    mapped: IntensityMap,
    air: Air,
) -> Intensity | MappedIntensity:
    """Take figures from a whole resampled channel.

    Parameters
    ----------
    image : float32 array, any shape
        As `with_zero_air` gave it, resampled, without what was added around it.
    mask : bool array of the same shape, optional
        As `marked` gave it, resampled.
    how : str
        See `napari_osuda.imaging.intensity.normalization.normalize`.
    mapped : IntensityMap
    air : Air
        Of the raw channel.
    """
    zero = replace(air, constants=(0.0,), level=0.0)
    intensity = fit_intensity(image, how, mask, zero)
    return fit_mapped(image, intensity, mapped, image != 0 if mask is None else mask, zero)
