"""Which image is which channel of a model, as far as names tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from napari_osuda.errors import CaseError
from napari_osuda.imaging import likest, match_channels, modality_of

__all__ = ["guess", "missing_channels"]


def guess(images: Sequence[Any], channels: Sequence[str]) -> dict[str, Any]:
    """For each channel the layer whose name fits it, and where several do, the one that was opened last.

    Channel by channel, since one that is missing must not spoil the others. The single channel of a model
    gets another contrast where its own is missing: the most alike.

    Parameters
    ----------
    images : sequence of layers
        The newest last.
    channels : sequence of str
        Of a model.
    """
    found = {}
    for channel in channels:
        fitting = [layer for layer in images if _fits(layer.name, channel)]
        if fitting:
            found[channel] = fitting[-1]
    if len(channels) == 1 and not found and images:
        found[channels[0]] = min(reversed(images), key=lambda layer: _unlike(layer.name, channels[0]))
    return found


def missing_channels(channels: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """The channels for which there is no image; none for a single channel, which takes any contrast."""
    if len(channels) == 1 and names:
        return ()
    return tuple(channel for channel in channels if not any(_fits(name, channel) for name in names))


def _fits(name: str, channel: str) -> bool:
    try:
        match_channels([name], [channel])
    except CaseError:
        return False
    return True


def _unlike(name: str, channel: str) -> int:
    """How far a contrast is from the one that is wanted."""
    found, others = modality_of(name), likest(channel)
    return others.index(found) if found in others else len(others)
