"""The intensity curve of a run: begun as physics expects, changed as the source network becomes surer."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import nn

from napari_osuda.imaging import Knots, SliceStack
from napari_osuda.method.curve.beginnings import head_moments
from napari_osuda.method.curve.curve import ChannelCurve, IntensityCurve
from napari_osuda.method.curve.search import SearchConfig, search_curve
from napari_osuda.models.classes import foreground_channels
from napari_osuda.session.inference.case_slices import slice_spec
from napari_osuda.session.job import Job

__all__ = ["searched_curves"]

# Slices that are looked at for each curve that is tried; from bottom to top of the head.
_SLICES = 10


def searched_curves(
    job: Job, network: nn.Module, device: torch.device, beginnings: tuple[Knots, ...]
) -> tuple[Knots, ...]:
    """The curves near the beginnings on whose image the frozen source network is surest.

    Parameters
    ----------
    job : Job
        The curves are searched on its first case, and are the same for all in standard scores.
    network : nn.Module
        The source network, on ``device``; not changed.
    device : torch.device
    beginnings : tuple of Knots
        One a channel.

    Returns
    -------
    tuple of Knots
        The beginnings themselves of a network that takes volumes: a trial would be a whole prediction.
    """
    card = job.model.card
    if card.spatial_dims == 3:
        return beginnings
    stack = SliceStack(job.cases[0], dataclasses.replace(slice_spec(card), intensity_maps=None))
    enough = np.flatnonzero(stack.head_sizes >= job.config.minimum_head * stack.head_sizes.max(initial=0))
    chosen = enough[np.unique(np.linspace(0, len(enough) - 1, _SLICES).round().astype(int))]
    images = torch.from_numpy(stack.slices(chosen))
    heads = torch.from_numpy(stack.heads(chosen))
    moments = [head_moments([images], [heads], channel) for channel in range(images.shape[1])]
    curve = IntensityCurve(
        tuple(
            ChannelCurve(tuple(mean + sd * v for v in knots.x), tuple(mean + sd * v for v in knots.y))
            for knots, (mean, sd) in zip(beginnings, moments, strict=True)
        )
    )
    config = SearchConfig(seed=job.config.seed)
    foreground = foreground_channels(card)
    for trial in search_curve(
        network, [images], [heads], curve, config, activation=card.activation, foreground=foreground
    ):
        if trial.taken:
            curve = trial.curve
    return tuple(
        Knots(tuple((v - mean) / sd for v in channel.x), tuple((v - mean) / sd for v in channel.y))
        for channel, (mean, sd) in zip(curve.channels, moments, strict=True)
    )
