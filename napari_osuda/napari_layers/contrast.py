"""How bright an image is shown: a range as wide as its data, and windows that a reader expects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakSet

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from napari_osuda.imaging.world import METADATA_KEY

__all__ = ["WINDOWS", "extremes", "show_window", "widen_range", "window_of"]

WINDOWS: Mapping[str, tuple[float, float]] = {
    "Full range": (0.0, 100.0),
    "Standard": (1.0, 99.5),
    "Dark structures": (0.5, 75.0),
    "Bright structures": (50.0, 99.9),
}
"""Lowest and highest percentile of the values above the image's minimum: MRI has no absolute units."""

# Values of a volume that are looked at, at most.
_MOST = 1_000_000
_WIDENED: WeakSet[Any] = WeakSet()


def window_of(data: NDArray[Any], name: str) -> tuple[float, float] | None:
    """Contrast limits of a window, a key of `WINDOWS`; None where the image has one value only."""
    sample = np.asarray(data).ravel()[:: max(1, data.size // _MOST)]
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return None
    if name == "Full range":
        low, high = extremes(data)
    else:
        # Air is mostly the lowest value, and would take the darker half of any window.
        above = sample[sample > sample.min()]
        found = np.percentile(above if above.size else sample, WINDOWS[name])
        low, high = float(found[0]), float(found[1])
    return (low, high) if high > low else None


def show_window(layer: Image, name: str) -> None:
    """Show an image in a window; its range stays as wide as the data."""
    limits = window_of(layer.data, name)
    if limits is not None:
        layer.contrast_limits = limits


def widen_range(layer: Any) -> None:
    """Let the contrast slider of an MRI of ours reach from its lowest to its highest value, once."""
    if not isinstance(layer, Image) or METADATA_KEY not in layer.metadata or layer in _WIDENED:
        return
    _WIDENED.add(layer)
    low, high = extremes(layer.data)
    now = layer.contrast_limits_range
    if high > low and (low < now[0] or high > now[1]):
        shown = layer.contrast_limits
        layer.contrast_limits_range = (min(low, now[0]), max(high, now[1]))
        layer.contrast_limits = shown


def extremes(data: NDArray[Any]) -> tuple[float, float]:
    """Lowest and highest finite value of an array; (0, 0) where it has none."""
    low, high = float(np.min(data)), float(np.max(data))
    if np.isfinite(low) and np.isfinite(high):
        return low, high
    finite = np.asarray(data)[np.isfinite(data)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
