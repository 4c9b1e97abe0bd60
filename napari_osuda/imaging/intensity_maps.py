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

from napari_osuda.imaging.head import Air, find_air, head_of
from napari_osuda.imaging.modalities import modality_of
from napari_osuda.imaging.normalization import Intensity

__all__ = ["INTENSITY_MAPS", "IntensityMap", "MappedIntensity", "expected_map", "fit_mapped"]

IntensityMap = Literal["identity", "inverted", "fluid_bright", "both_bright"]
INTENSITY_MAPS: tuple[IntensityMap, ...] = get_args(IntensityMap)

Floats = NDArray[np.float32]

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
_EXPECTED: dict[tuple[str, str], IntensityMap] = {
    ("t2", "flair"): "fluid_bright",
    **{
        pair: "inverted"
        for wet in ("t2", "flair")
        for dry in ("t1", "t1ce")
        for pair in ((wet, dry), (dry, wet))
    },
    ("t2", "t1ce"): "both_bright",
}


def expected_map(channel: str, image: str) -> IntensityMap:
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


@dataclass(frozen=True)
class MappedIntensity:
    """A normalization followed by an intensity map, mean and spread of the head kept.

    Attributes
    ----------
    intensity : Intensity
        The normalization.
    how : {"inverted", "fluid_bright", "both_bright"}
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
        mapped = (_FUNCTIONS[self.how](z) - np.float32(self.mapped_mean)) / np.float32(self.mapped_spread)
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
    how : {"identity", "inverted", "fluid_bright", "both_bright"}
    head : bool array of the same shape, optional
        Voxels that are head; `napari_osuda.imaging.head` tells without it.
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
    mapped = _FUNCTIONS[how]((normalized - np.float32(mean)) / np.float32(spread))
    return MappedIntensity(
        intensity,
        how,
        mean,
        spread,
        float(mapped.mean(dtype=np.float64)),
        float(mapped.std(dtype=np.float64)) or 1.0,
        air,
    )
