"""Which voxels are head and which are air: the one place that decides it.

Air is 0 in a skull-stripped image, and in many others: another constant (-1000, the standard score of 0),
noise in a clinical scan, 1e-38, or two of these where an image was padded. Crops of a head have no air at
all. So air is recognized as constants along the edges, and as a dark class of voxels apart from tissue.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

__all__ = ["Air", "Head", "find_air", "find_head", "head_of"]

Mask = NDArray[np.bool_]

# Of a constant along the edges, the share of its voxels whose neighbors are the same: noise has no such.
_FLAT, _ALONE = 0.72, 0.9
# A constant that fewer voxels have is no background.
_LEAST_CONSTANT = 0.005
# In a drawn image eight values have this share of its brighter voxels; in a measured one at most 0.92.
# Nothing in it is noise, and a constant that is brighter than this part of the rest is tissue.
_DRAWN, _FAR, _FEW = 0.95, 0.25, 64
# In fewer voxels a histogram tells no dark class from chance.
_LEAST_VOXELS = 4096
_LARGE, _BINS = 2_000_000, 128
# What sets noise in the air apart, measured on 78 whole heads, an MS patient, 163 crops and a neck
# (docs/defaults.md): how dark its mean is beside that of tissue, how deep the valley between them, and the
# least share of the image. Heads have at most 0.14 and 0.34; images without air at least 0.22 and 0.59.
_DARK, _VALLEY, _LEAST_NOISE = 0.18, 0.5, 0.03
# Air lies outside: the least share that is dark of the outermost voxels. Dark bone and fluid lie within.
_OUTSIDE = 0.3
# Noise reaches this many standard deviations above its mean.
_NOISE_SD = 4.0
# Of tissue's range, noise of less is none of a scanner: that has a hundredth and more.
_TRACE = 1e-3
# Pieces of less than this part of the largest are speckles and ghosts.
_PIECE = 0.02


@dataclass(frozen=True)
class Air:
    """What air is in one channel.

    Attributes
    ----------
    constants : tuple of float
        Voxels that are exactly one of these are air; always 0, which marks the background of a
        skull-stripped image.
    ceiling : float or None
        Where air is noise, its highest value; None where it is not.
    valley : float or None
        Where air is noise, the mean over a voxel's neighbors from which on it is head.
    level : float
        What lies outside the image is taken to be.
    is_trace : bool
        Whether the noise is so weak beside tissue that rounding or resampling has left it, and no scanner.
    """

    constants: tuple[float, ...] = (0.0,)
    ceiling: float | None = None
    valley: float | None = None
    level: float = 0.0
    is_trace: bool = False

    @property
    def is_noise(self) -> bool:
        """Whether voxels of the air have values that differ."""
        return self.ceiling is not None

    def is_constant(self, values: NDArray[Any]) -> Mask:
        """Which values are exactly those of air."""
        found: Mask = np.equal(values, self.constants[0])
        for constant in self.constants[1:]:
            found |= np.equal(values, constant)
        return found


@dataclass(frozen=True, eq=False)
class Head:
    """The head of a case.

    Attributes
    ----------
    mask : bool array [I, J, K]
        Voxels that are head in any channel.
    airs : tuple of Air
        One for each channel.
    """

    mask: Mask
    airs: tuple[Air, ...]

    @cached_property
    def filled(self) -> Mask:
        """The head with what it encloses."""
        filled: Mask = scipy.ndimage.binary_fill_holes(self.mask)
        return filled

    @property
    def has_noise(self) -> bool:
        """Whether the air of any channel is a scanner's noise: then nobody has stripped this head."""
        return any(air.is_noise and not air.is_trace for air in self.airs)


def find_head(data: NDArray[Any]) -> Head:
    """Recognize the head in all channels together.

    Parameters
    ----------
    data : array [C, I, J, K]
        Raw finite intensities.
    """
    head = np.zeros(data.shape[1:], bool)
    airs = []
    for channel in data:
        air = find_air(channel)
        airs.append(air)
        # Channel by channel: a comparison of all would take a quarter of their memory.
        head |= head_of(channel, air)
    return Head(head, tuple(airs))


def find_air(channel: NDArray[Any]) -> Air:
    """Recognize what air is in one channel.

    Parameters
    ----------
    channel : array [I, J, K]
        Raw finite intensities. Of another number of axes, or of few voxels, 0 counts as air and nothing else.
    """
    if channel.ndim != 3 or channel.size < _LEAST_VOXELS:
        return Air()
    # What only counts values goes through them as they lie in memory.
    found = [c for c in _edge_constants(channel.T if channel.flags.f_contiguous else channel) if c != 0.0]
    drawn = _is_drawn(channel, (0.0, *found))
    constants = (0.0, *(c for c in found if not drawn or c <= _FAR * np.median(channel[channel != c])))
    plain = Air(constants, level=_level(channel, constants))
    # Of a large image every other voxel tells as much.
    if channel.size > _LARGE:
        channel = channel[tuple(slice(None, None, 2 if n >= 128 else 1) for n in channel.shape)]
    rest = ~plain.is_constant(channel)
    if drawn or np.count_nonzero(rest) < _LEAST_VOXELS:
        return plain
    values = channel[rest]
    low, high = (float(v) for v in np.percentile(values, (1, 95)))
    below = [c for c in constants if c <= low and (c != 0.0 or np.any(channel == 0))]
    # Measured from a constant below, unless that is padding around noise: further away than all that the
    # image shows, with noise near 0.
    padding = bool(below) and low - max(below) > high - low and low <= _FAR * high
    base = max(below) if below and not padding else low
    if not high > base:
        return plain
    # The background counts as the darkest air, wherever its constant lies.
    smooth = _smooth(np.where(rest, channel - np.float32(base), 0).astype(np.float32, copy=False))[rest]
    dark = _dark_class(smooth / np.float32(high - base))
    if dark is None:
        return plain
    valley = dark * (high - base)
    outer = rest & ~scipy.ndimage.binary_erosion(rest)
    if np.mean(smooth[outer[rest]] < valley) < _OUTSIDE:
        return plain
    noise = values[smooth < valley]
    middle = float(np.median(noise))
    # The upper part of its spread, to either side: ghosts in the air must not widen it.
    spread = float(np.sqrt(np.mean((np.minimum(noise, np.percentile(noise, 90)) - middle) ** 2)))
    least = _TRACE * (high - base)
    ceiling = max(min(middle + _NOISE_SD * max(spread, least), base + valley), middle)
    return Air(constants, ceiling, base + valley, level=middle, is_trace=spread < least)


def _is_drawn(channel: NDArray[Any], constants: tuple[float, ...]) -> bool:
    """Whether the tissue of an image, all but these constants, is of a few values."""
    laid = channel.T if channel.flags.f_contiguous else channel
    values = laid[~Air(constants).is_constant(laid)]
    if not values.size:
        return False
    low, high = np.percentile(values, (75, 95))
    # An image whose bright end was cut off has many voxels of its highest value.
    brighter = values[(values >= low) & (values <= high)]
    counts = np.sort(np.unique(brighter, return_counts=True)[1])
    drawn = counts[-8:].sum() >= _DRAWN * counts.sum()
    return bool(drawn and np.unique(channel[~Air(constants).is_constant(channel)][::7]).size <= _FEW)


def head_of(channel: NDArray[Any], air: Air) -> Mask:
    """Which voxels of a channel are head, given what air is in it: bool, the shape of ``channel``."""
    head: Mask = ~air.is_constant(channel)
    if air.ceiling is None or air.valley is None:
        return head
    level = np.float32(air.level)
    around = _smooth(np.where(head, channel, level).astype(np.float32, copy=False)) > air.valley
    return _whole_pieces(around & head & (channel > air.ceiling))


def _whole_pieces(head: Mask) -> Mask:
    """Large connected pieces, with what they enclose in the volume or in any slice of it."""
    pieces, count = scipy.ndimage.label(head)
    if count > 1:
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        head = (sizes >= _PIECE * sizes.max())[pieces]
    filled: Mask = scipy.ndimage.binary_fill_holes(head)
    # A neck or a crown that the image cuts is open to its end: closed slice by slice along the shortest axis.
    axis = int(np.argmin(filled.shape))
    for index in range(filled.shape[axis]):
        plane = [slice(None)] * 3
        plane[axis] = slice(index, index + 1)
        flat = filled[tuple(plane)].squeeze(axis)
        filled[tuple(plane)] = np.expand_dims(scipy.ndimage.binary_fill_holes(flat), axis)
    return filled


def _smooth(channel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean over each voxel and its neighbors, but not across slices that are few and thick."""
    size = [3 if 3 * n >= max(channel.shape) else 1 for n in channel.shape]
    smooth: NDArray[np.float32] = scipy.ndimage.uniform_filter(channel, size, mode="nearest")
    return smooth


def _dark_class(values: NDArray[np.float32]) -> float | None:
    """Where a dark class of voxels that is set apart from all others ends; None where there is none.

    Parameters
    ----------
    values : float32 array [n]
        Neighborhood means, 0 the darkest and 1 the 95th percentile.
    """
    # Square roots: the noise of magnitude images keeps its spread, and tissue does not spread out.
    roots = np.sqrt(np.clip(values, 0.0, 1.5))
    counts, edges = np.histogram(roots, _BINS, range=(0.0, float(np.sqrt(1.5))))
    centers = (edges[1:] + edges[:-1]) / 2
    split = _otsu(counts, centers)
    smooth = scipy.ndimage.gaussian_filter1d(counts.astype(np.float64), 2.0)
    # What is far brighter than tissue (fat, fluid, vessels) is no second class beside air.
    bright = (centers > centers[split]) & (centers <= 1.1)
    if not bright.any() or not counts[: split + 1].any():
        return None
    low = int(smooth[: split + 1].argmax())
    high = int(np.flatnonzero(bright)[smooth[bright].argmax()])
    between = smooth[low : high + 1]
    lowest = low + int(between.argmin())
    threshold = float(centers[lowest])
    dark = roots < threshold
    if not dark.any() or dark.all():
        return None
    contrast = float(values[dark].mean()) / max(float(values[~dark].mean()), 1e-6)
    deep = smooth[lowest] <= _VALLEY * min(smooth[low], smooth[high])
    enough = dark.mean() >= _LEAST_NOISE
    return threshold**2 if deep and enough and contrast <= _DARK else None


def _otsu(counts: NDArray[np.intp], centers: NDArray[np.float64]) -> int:
    """The last bin of the darker class by Otsu's criterion (IEEE Trans. Syst. Man Cybern. 9, 1979)."""
    weight = np.cumsum(counts) / counts.sum()
    mean = np.cumsum(counts * centers) / counts.sum()
    between = (mean[-1] * weight - mean) ** 2 / np.maximum(weight * (1 - weight), 1e-9)
    return int(between[:-1].argmax())


def _level(channel: NDArray[Any], constants: tuple[float, ...]) -> float:
    """What lies beyond an image without noise in the air: its own constant, or 0 if that is no tissue."""
    if len(constants) > 1:
        return constants[1]
    lowest = float(channel.min())
    # Of an image that has values on both sides of 0 and no background, 0 is in the midst of the tissue.
    below = float(np.mean(channel < 0)) if lowest < 0 else 0.0
    return lowest if below > 0.05 and not np.any(channel == 0) else 0.0


def _edge_constants(channel: NDArray[Any]) -> Iterator[float]:
    """Values that fill the edges of an image, alone or darker than most of the rest."""
    values, counts = np.unique(np.concatenate(list(_edges(channel))), return_counts=True)
    for number in np.argsort(-counts)[:2]:
        value = values[number]
        same = channel == value
        count = int(np.count_nonzero(same))
        if not _LEAST_CONSTANT * channel.size <= count < channel.size:
            continue
        along = (np.moveaxis(same, axis, 0) for axis, n in enumerate(same.shape) if n > 1)
        pairs = [np.count_nonzero(planes[1:] & planes[:-1]) / count for planes in along]
        # A bright background fills the edges all but alone: tissue that is cut there is not of one value.
        alone = counts[number] >= _ALONE * counts.sum() and bool(np.any(channel[~same]))
        if min(pairs) >= _FLAT and (alone or value < np.median(channel[~same])):
            yield float(value)


def _edges(channel: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """The voxels along the twelve edges of the box."""
    for axis in range(3):
        lines = np.moveaxis(channel, axis, 0)
        for j in (0, -1):
            for k in (0, -1):
                yield lines[:, j, k]
