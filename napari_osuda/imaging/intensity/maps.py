"""Intensity maps: give an image of one contrast the look of another, as far as physics tells how.

From T2 to T1 what is full of water turns from bright to dark, FLAIR suppresses the free fluid that T2 shows
brightest, and after contrast agent part of a tumor is bright while its edema is dark. No shift and scale
of a network's statistics follows either. A map undoes it before the network sees the image: it needs the
names of the two contrasts and nothing else, neither labels nor source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import ConfigError
from napari_osuda.imaging.intensity.head import Air, find_air, head_of
from napari_osuda.imaging.intensity.normalization import Intensity
from napari_osuda.imaging.modalities import modality_of

__all__ = [
    "INTENSITY_MAPS",
    "IntensityMap",
    "Knots",
    "MapName",
    "MappedIntensity",
    "expected_map",
    "fit_mapped",
    "map_scores",
]

Floats = NDArray[np.float32]

MapName = Literal["identity", "inverted", "fluid_bright", "both_bright"]
INTENSITY_MAPS: tuple[MapName, ...] = get_args(MapName)


@dataclass(frozen=True)
class Knots:
    """A piecewise linear intensity curve, from standard scores of the head to those that the network gets.

    Attributes
    ----------
    x, y : tuple of float
        Knots, ``x`` strictly ascending. Beyond the first and the last the end segments go on.

    Raises
    ------
    ConfigError
        There are fewer than two knots, or they are not finite or not ascending.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]

    def __post_init__(self) -> None:
        ascending = len(self.x) > 1 and bool((np.diff(self.x) > 0).all())
        if len(self.x) != len(self.y) or not ascending or not np.isfinite([*self.x, *self.y]).all():
            raise ConfigError(
                "An intensity curve needs two knots or more, finite and ascending, and a value for each."
            )

    def __call__(self, z: Floats) -> Floats:
        """Standard scores of any shape through the curve."""
        x, y = np.asarray(self.x, np.float32), np.asarray(self.y, np.float32)
        before = np.clip(np.searchsorted(x, z, side="right") - 1, 0, len(x) - 2)
        share = (z - x[before]) / (x[before + 1] - x[before])
        mapped: Floats = (y[before] + share * (y[before + 1] - y[before])).astype(np.float32)
        return mapped


IntensityMap = MapName | Knots
"""A map by its name, or a curve that was fitted."""

# Standard scores of the head: below the first, FLAIR's voxels hold free fluid; above the second, bright
# lesions are compressed to what lesions have in T2. Chosen on validation patients (docs/defaults.md).
_FLUID, _KNEE, _SLOPE = -0.6, 1.5, 3.5
# After contrast agent, brain lies about here: what is darker (fluid, edema) and what is brighter (what takes
# the agent up) are both bright in T2. Chosen on validation patients as well.
_BRAIN, _DARKER = 0.3, 2.0


def _inverted(z: Floats) -> Floats:
    return -z


def _fluid_bright(z: Floats) -> Floats:
    compressed = np.float32(_KNEE) * np.tanh(z / np.float32(_KNEE))
    mapped: Floats = compressed + np.float32(_SLOPE) * np.maximum(np.float32(_FLUID) - z, 0)
    return mapped


def _both_bright(z: Floats) -> Floats:
    compressed = np.float32(_KNEE) * np.tanh(z / np.float32(_KNEE))
    mapped: Floats = compressed + np.float32(_DARKER) * np.maximum(np.float32(_BRAIN) - z, 0)
    return mapped


_FUNCTIONS: dict[str, Callable[[Floats], Floats]] = {
    "inverted": _inverted,
    "fluid_bright": _fluid_bright,
    "both_bright": _both_bright,
}

# (contrast that the network knows, contrast that it is handed): the map.
_EXPECTED: dict[tuple[str, str], MapName] = {
    ("t2", "flair"): "fluid_bright",
    **{
        pair: "inverted"
        for wet in ("t2", "flair")
        for dry in ("t1", "t1ce")
        for pair in ((wet, dry), (dry, wet))
    },
}


def expected_map(channel: str, image: str) -> MapName:
    """The map that physics expects between a network's channel and the image that it is handed.

    Parameters
    ----------
    channel : str
        Name of the channel on the model's card.
    image : str
        Name of the file, the series or the layer.

    Returns
    -------
    {"identity", "inverted", "fluid_bright", "both_bright"}
        "identity" where the contrasts are one, no map is known, or a name says nothing.
    """
    return _EXPECTED.get((modality_of(channel) or "", modality_of(image) or ""), "identity")


def _function(how: IntensityMap) -> Callable[[Floats], Floats]:
    return how if isinstance(how, Knots) else _FUNCTIONS[how]


def map_scores(how: IntensityMap, scores: Floats, head: NDArray[np.floating]) -> Floats:
    """Standard scores through a map, as `MappedIntensity` gives them.

    Parameters
    ----------
    how : IntensityMap
    scores : float32 array, any shape
        What is mapped.
    head : float array, any shape
        The scores of the head, which a named map gives mean 0 and spread 1 again.
    """
    if how == "identity":
        return scores.copy()
    mapped = _function(how)(scores)
    if isinstance(how, Knots):
        return mapped
    of_head = _function(how)(head.astype(np.float32))
    shifted: Floats = ((mapped - of_head.mean()) / (float(of_head.std()) or 1.0)).astype(np.float32)
    return shifted


@dataclass(frozen=True)
class MappedIntensity:
    """A normalization followed by an intensity map.

    A named map keeps mean and spread of the head; a curve gives what it was fitted to give.

    Attributes
    ----------
    intensity : Intensity
        The normalization.
    how : {"inverted", "fluid_bright", "both_bright"} or Knots
    mean, spread : float
        Of the head's normalized intensities.
    mapped_mean, mapped_spread : float
        Of its mapped standard scores.
    air_is : Air
        What is only normalized and not mapped.
    """

    intensity: Intensity
    how: IntensityMap
    mean: float
    spread: float
    mapped_mean: float
    mapped_spread: float
    air_is: Air

    @property
    def air(self) -> float:
        """The value of everything outside the image."""
        return self.intensity.air

    def __call__(self, values: NDArray[Any]) -> Floats:
        """Normalize and map raw intensities of any shape; the constants of the air are only normalized."""
        result = self.intensity(values)
        head = ~self.air_is.is_constant(values)
        z = (result[head] - np.float32(self.mean)) / np.float32(self.spread)
        mapped = (_function(self.how)(z) - np.float32(self.mapped_mean)) / np.float32(self.mapped_spread)
        result[head] = mapped * np.float32(self.spread) + np.float32(self.mean)
        return result


def fit_mapped(
    volume: NDArray[Any],
    intensity: Intensity,
    how: IntensityMap,
    head: NDArray[np.bool_] | None = None,
    air: Air | None = None,
) -> Intensity | MappedIntensity:
    """Take the figures of a map from one channel of a whole volume.

    Parameters
    ----------
    volume : array, any shape
        Raw intensities.
    intensity : Intensity
        Its normalization.
    how : {"identity", "inverted", "fluid_bright", "both_bright"} or Knots
    head : bool array of the same shape, optional
        Voxels that are head; `napari_osuda.imaging.intensity.head` tells without it.
    air : Air, optional
        Of the channel.
    """
    if how == "identity":
        return intensity
    air = find_air(volume) if air is None else air
    within = volume[head_of(volume, air) if head is None else head]
    if not within.size:
        return intensity
    normalized = intensity(within)
    mean, spread = float(normalized.mean(dtype=np.float64)), float(normalized.std(dtype=np.float64)) or 1.0
    if isinstance(how, Knots):
        return MappedIntensity(intensity, how, mean, spread, 0.0, 1.0, air)
    mapped = _function(how)((normalized - np.float32(mean)) / np.float32(spread))
    return MappedIntensity(
        intensity,
        how,
        mean,
        spread,
        float(mapped.mean(dtype=np.float64)),
        float(mapped.std(dtype=np.float64)) or 1.0,
        air,
    )
