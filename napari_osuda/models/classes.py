"""What the output channels stand for: label values, foreground, regions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from napari_osuda.models.card import ModelCard

__all__ = [
    "decide",
    "foreground_channels",
    "foreground_probability",
    "has_background",
    "region_channels",
    "region_labels",
    "region_probability",
]


def decide(probabilities: NDArray[np.floating], card: ModelCard) -> NDArray[np.uint8]:
    """Label values from a network's probabilities.

    Parameters
    ----------
    probabilities : array, shape [B, K, ...]
        Of the K output channels.
    card : ModelCard
        Says whether the channels exclude each other (softmax: the largest one), are independent (sigmoid:
        each above 0.5, a later label over an earlier one) or are overlapping regions (each above 0.5, a
        region inside another over it), and which value each stands for.

    Returns
    -------
    array, shape [B, ...], uint8
        Values of ``card.labels``; 0 where no channel of a sigmoid output is above 0.5.

    Raises
    ------
    ValueError
        K is not the card's number of output channels.
    """
    channels = probabilities.shape[1]
    if channels != len(card.output_channels):
        raise ValueError(f"{channels} channels of probabilities for {len(card.output_channels)} in the card.")
    values = np.asarray(card.channel_values, dtype=np.uint8)
    if channels > 1 and not _independent(card):
        return _largest(probabilities, values)
    mask = np.zeros((probabilities.shape[0], *probabilities.shape[2:]), dtype=np.uint8)
    order = list(range(channels))
    if card.overlapping:
        order.sort(key=lambda k: -len(card.regions[card.output_channels[k]]))
    for k in order:
        mask[probabilities[:, k] > 0.5] = values[k]
    return mask


def _largest(probabilities: NDArray[np.floating], values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The largest channel's value, the first of several as large: [B, ...] of [B, K, ...]."""
    # Channel by channel: an argmax across channels that lie apart in memory takes three times as long.
    best = probabilities[:, 0].copy()
    winners = np.full(best.shape, values[0], np.uint8)
    for k in range(1, len(values)):
        channel = probabilities[:, k]
        # Written so that NaN wins, as in an argmax.
        higher = ~(channel <= best) & (best == best)
        winners[higher] = values[k]
        np.copyto(best, channel, where=higher)
    return winners


def _independent(card: ModelCard) -> bool:
    if card.activation == "none":
        return card.overlapping or len(card.labels) > len(card.output_channels)
    return card.activation == "sigmoid"


def has_background(card: ModelCard) -> bool:
    """Whether the first class excludes the others and means nothing is there."""
    return card.channel_values[0] == 0 and card.activation != "sigmoid"


def foreground_channels(card: ModelCard) -> list[int] | None:
    """Channels of the foreground where classes may overlap; None where they exclude a background."""
    if has_background(card):
        return None
    # A sigmoid output may have a channel for the background as well.
    return [k for k, value in enumerate(card.channel_values) if value != 0]


def foreground_probability(p: Tensor, card: ModelCard) -> Tensor:
    """[B, K, ...] to the probability of any label, [B, ...]."""
    channels = foreground_channels(card)
    return 1 - p[:, 0] if channels is None else p[:, channels].amax(dim=1)


def region_labels(card: ModelCard) -> dict[str, tuple[int, ...]]:
    """Regions smaller than the whole foreground, and the labels that they are made of."""
    everything = {v for v in card.labels if v != 0}
    return {name: members for name, members in card.scored_regions.items() if set(members) != everything}


def region_channels(card: ModelCard) -> dict[str, list[int]]:
    """Regions smaller than the whole foreground, and the output channels that they are made of."""
    values = card.channel_values
    regions = {}
    for name, members in region_labels(card).items():
        if card.overlapping:
            channels = [card.output_channels.index(name)] if name in card.output_channels else []
        else:
            channels = [k for k, value in enumerate(values) if value in members]
        if channels:
            regions[name] = channels
    return regions


def region_probability(p: Tensor, channels: list[int], card: ModelCard) -> Tensor:
    """[B, K, ...] to the probability of a region, [B, ...]."""
    if card.activation == "sigmoid":
        return p[:, channels].amax(dim=1)
    return p[:, channels].sum(dim=1)
