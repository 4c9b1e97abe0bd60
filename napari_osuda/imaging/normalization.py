"""Intensity normalization of one MRI volume; the same function serves training and adaptation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_osuda.errors import ConfigError

__all__ = [
    "NORMALIZATIONS",
    "Intensity",
    "IntensityNormalization",
    "filled_head",
    "fit_intensity",
    "head_of",
    "normalize",
    "not_zero",
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
    keep_zero : bool
        Voxels that are exactly 0, the background of a skull-stripped image, stay exactly 0.
    unit_range : bool
        The result is clipped to [0, 1].
    """

    offset: float = 0.0
    scale: float = 1.0
    keep_zero: bool = False
    unit_range: bool = False

    @property
    def air(self) -> float:
        """What a raw 0 becomes: the value of everything outside the image."""
        return float(self(np.zeros(1, np.float32))[0])

    def __call__(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Normalize values of any shape; gives a new float32 array of the same shape."""
        # In float64 this would take twice the memory for digits that no network sees.
        result: NDArray[np.float32] = np.subtract(values, np.float32(self.offset), dtype=np.float32)
        result /= np.float32(self.scale)
        if self.keep_zero:
            result[np.equal(values, 0)] = 0.0
        if self.unit_range:
            np.clip(result, 0.0, 1.0, out=result)
        return result


def not_zero(data: NDArray[Any]) -> NDArray[np.bool_]:
    """The voxels that are not 0 in any channel, the head: [C, ...] to bool [...]."""
    head = np.zeros(data.shape[1:], bool)
    # Channel by channel: a comparison of all would take a quarter of their memory.
    for channel in data:
        head |= channel != 0
    return head


def filled_head(data: NDArray[Any]) -> NDArray[np.bool_]:
    """The head with what it encloses: [C, ...] to bool [...]."""
    filled: NDArray[np.bool_] = ndimage.binary_fill_holes(not_zero(data))
    return filled


def fit_intensity(
    volume: ArrayLike, how: IntensityNormalization, head: NDArray[np.bool_] | None = None
) -> Intensity:
    """Take the figures of a normalization from one channel of a whole volume.

    Parameters
    ----------
    volume : array, any shape
        Raw finite intensities of one channel.
    how : {'zscore_nonzero', 'zscore_head', 'zscore', 'percentile_1_99', 'range', 'none'}
        See `normalize`.
    head : bool array of the same shape, optional
        For ``zscore_head``: `filled_head` of all channels; of this one without it.

    Raises
    ------
    ConfigError
        ``how`` is none of these.
    """
    # In the order of memory, whatever the axes: twice as fast for arrays that a file gave.
    values = np.ravel(volume, order="K")
    if how == "none":
        return Intensity()
    if how == "percentile_1_99":
        low, high = (float(v) for v in np.percentile(values, (1.0, 99.0)))
        return Intensity(low, _usable(high - low, low), unit_range=True)
    if how == "range":
        lowest, highest = float(values.min()), float(values.max())
        return Intensity(lowest, _usable(highest - lowest, lowest))
    if how == "zscore_head":
        whole = np.asarray(volume)
        within = whole[filled_head(whole[None]) if head is None else head]
        if not within.size:
            return Intensity()
        mean = float(within.mean(dtype=np.float64))
        return Intensity(mean, _usable(float(within.std(dtype=np.float64)), mean))
    if how == "zscore":
        mean = float(values.mean(dtype=np.float64))
        return Intensity(mean, _usable(float(values.std(dtype=np.float64)), mean))
    if how == "zscore_nonzero":
        head = values[values != 0]
        if not head.size:
            return Intensity(keep_zero=True)
        mean = float(head.mean(dtype=np.float64))
        return Intensity(mean, _usable(float(head.std(dtype=np.float64)), mean), keep_zero=True)
    raise ConfigError(f"normalization is {how!r}; it must be one of {', '.join(NORMALIZATIONS)}.")


def normalize(volume: ArrayLike, how: IntensityNormalization) -> NDArray[np.float32]:
    """Normalize one channel of one volume.

    Parameters
    ----------
    volume : array, any shape
        Raw finite intensities of one channel; the whole volume, never a single slice of it.
    how : {'zscore_nonzero', 'zscore_head', 'zscore', 'percentile_1_99', 'range', 'none'}
        ``zscore_nonzero``: mean 0 and standard deviation 1 (biased) over the voxels that are not 0; those
        that are stay 0. ``zscore_head``: the same over the voxels that are not 0 and all that they enclose
        (`filled_head`; of several channels, together), and 0 outside. ``zscore``: over all voxels.
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
    result = fit_intensity(values, how)(values)
    if how == "zscore_head":
        result[~filled_head(values[None])] = 0.0
    return result


def _usable(spread: float, level: float) -> float:
    """Give 1 for the spread of a constant image, whose rounding error is not contrast."""
    return spread if spread > max(1e-6 * abs(level), float(np.finfo(np.float32).tiny)) else 1.0


def head_of(image: NDArray[np.float32]) -> NDArray[np.bool_]:
    """What is not air, the value in the corner: bool [S, h, w] or [S, d, h, w] of images [S, C, ...]."""
    corner = image[(slice(None), slice(None), *[slice(0, 1)] * (image.ndim - 2))]
    return np.asarray((image != corner).any(axis=1))
