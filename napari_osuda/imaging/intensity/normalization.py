"""Intensity normalization of one MRI volume; the same function serves training and adaptation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_osuda.errors import ConfigError
from napari_osuda.imaging.intensity.head import Air, Head, find_air, head_of

__all__ = [
    "NORMALIZATIONS",
    "Intensity",
    "IntensityNormalization",
    "fit_intensity",
    "normalize",
]

IntensityNormalization = Literal[
    "zscore_nonzero", "zscore_head", "zscore", "percentile_1_99", "range", "none"
]
NORMALIZATIONS: tuple[IntensityNormalization, ...] = get_args(IntensityNormalization)


@dataclass(frozen=True)
class Intensity:
    """A normalization whose figures were taken from a whole volume, to be applied to any part of it.

    Attributes
    ----------
    offset, scale : float
        A value v becomes (v - offset) / scale.
    zeroed : tuple of float
        Voxels that are exactly one of these, the constants of the air, become exactly 0.
    unit_range : bool
        The result is clipped to [0, 1].
    level : float
        What lies outside the image is taken to be, raw.
    """

    offset: float = 0.0
    scale: float = 1.0
    zeroed: tuple[float, ...] = ()
    unit_range: bool = False
    level: float = 0.0

    @property
    def air(self) -> float:
        """The value of everything outside the image."""
        return float(self(np.full(1, self.level, np.float32))[0])

    def __call__(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Normalize values of any shape; gives a new float32 array of the same shape."""
        # In float64 this would take twice the memory for digits that no network sees.
        result: NDArray[np.float32] = np.subtract(values, np.float32(self.offset), dtype=np.float32)
        result /= np.float32(self.scale)
        for constant in self.zeroed:
            result[np.equal(values, constant)] = 0.0
        if self.unit_range:
            np.clip(result, 0.0, 1.0, out=result)
        return result


def fit_intensity(
    volume: ArrayLike,
    how: IntensityNormalization,
    head: NDArray[np.bool_] | None = None,
    air: Air | None = None,
) -> Intensity:
    """Take the figures of a normalization from one channel of a whole volume.

    Parameters
    ----------
    volume : array, any shape
        Raw finite intensities of one channel.
    how : {'zscore_nonzero', 'zscore_head', 'zscore', 'percentile_1_99', 'range', 'none'}
        See `normalize`.
    head : bool array of the same shape, optional
        For ``zscore_head``, the filled head of all channels, and for ``zscore_nonzero`` where the air is
        noise, the head; of this one without it.
    air : Air, optional
        What `napari_osuda.imaging.intensity.head.find_air` finds in the whole channel.

    Raises
    ------
    ConfigError
        ``how`` is none of these.
    """
    # In the order of memory, whatever the axes: twice as fast for arrays that a file gave.
    values = np.ravel(volume, order="K")
    air = find_air(np.asarray(volume)) if air is None else air
    level = air.level
    if how == "none":
        return Intensity(level=level)
    if how == "percentile_1_99":
        low, high = (float(v) for v in np.percentile(values, (1.0, 99.0)))
        return Intensity(low, _usable(high - low, low), unit_range=True, level=level)
    if how == "range":
        lowest, highest = float(values.min()), float(values.max())
        return Intensity(lowest, _usable(highest - lowest, lowest), level=level)
    if how == "zscore_head":
        whole = np.asarray(volume)
        within = whole[Head(head_of(whole, air), (air,)).filled if head is None else head]
        if not within.size:
            return Intensity()
        mean = float(within.mean(dtype=np.float64))
        return Intensity(mean, _usable(float(within.std(dtype=np.float64)), mean), level=level)
    if how == "zscore":
        mean = float(values.mean(dtype=np.float64))
        return Intensity(mean, _usable(float(values.std(dtype=np.float64)), mean), level=level)
    if how == "zscore_nonzero":
        if air.is_noise:
            whole = np.asarray(volume)
            within = whole[head_of(whole, air) if head is None else head]
        else:
            within = values[~air.is_constant(values)]
        if not within.size:
            return Intensity(zeroed=air.constants, level=level)
        mean = float(within.mean(dtype=np.float64))
        spread = _usable(float(within.std(dtype=np.float64)), mean)
        return Intensity(mean, spread, zeroed=air.constants, level=level)
    raise ConfigError(f"normalization is {how!r}; it must be one of {', '.join(NORMALIZATIONS)}.")


def normalize(volume: ArrayLike, how: IntensityNormalization) -> NDArray[np.float32]:
    """Normalize one channel of one volume.

    Parameters
    ----------
    volume : array, any shape
        Raw finite intensities of one channel; the whole volume, never a single slice of it.
    how : {'zscore_nonzero', 'zscore_head', 'zscore', 'percentile_1_99', 'range', 'none'}
        ``zscore_nonzero``: mean 0 and standard deviation 1 (biased) over the head, and 0 in the air (as
        `napari_osuda.imaging.intensity.head` tells them apart: air is 0 in a skull-stripped image).
        ``zscore_head``: the same over the head and all that it encloses. ``zscore``: over all voxels.
        ``percentile_1_99``: the 1st percentile of all voxels becomes 0, the 99th becomes 1, and what lies
        beyond is clipped. ``range``: the least becomes 0 and the greatest 1. ``none``: float32 and nothing
        else. A constant image becomes 0.

    Returns
    -------
    array of float32, the shape of ``volume``
        A new array.

    Raises
    ------
    ConfigError
        ``how`` is none of these.
    """
    values = np.asarray(volume)
    air = find_air(values)
    head = Head(head_of(values, air), (air,))
    result = fit_intensity(values, how, head.filled if how == "zscore_head" else head.mask, air)(values)
    if how == "zscore_head":
        result[~head.filled] = 0.0
    elif how == "zscore_nonzero" and air.is_noise:
        result[~head.mask] = 0.0
    return result


def _usable(spread: float, level: float) -> float:
    """Give 1 for the spread of a constant image, whose rounding error is not contrast."""
    return spread if spread > max(1e-6 * abs(level), float(np.finfo(np.float32).tiny)) else 1.0
