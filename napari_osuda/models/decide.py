"""From probabilities to the label values of a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_osuda.models.card import ModelCard

__all__ = ["decide"]


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
        Values of ``card.labels``; 0 where no channel of a sigmoid head is above 0.5.

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
        winners: NDArray[np.uint8] = values[probabilities.argmax(axis=1)]
        return winners
    mask = np.zeros((probabilities.shape[0], *probabilities.shape[2:]), dtype=np.uint8)
    order = list(range(channels))
    if card.overlapping:
        order.sort(key=lambda k: -len(card.regions[card.output_channels[k]]))
    for k in order:
        mask[probabilities[:, k] > 0.5] = values[k]
    return mask


def _independent(card: ModelCard) -> bool:
    if card.activation == "none":
        return card.overlapping or len(card.labels) > len(card.output_channels)
    return card.activation == "sigmoid"
