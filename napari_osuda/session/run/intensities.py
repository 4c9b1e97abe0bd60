"""What becomes of each channel's intensities before the network sees them, as data that a plot can show."""

from __future__ import annotations

import dataclasses

import numpy as np

from napari_osuda.imaging import IntensityMap, SliceStack, map_scores
from napari_osuda.session.events import IntensityChange
from napari_osuda.session.inference.case_slices import slice_spec
from napari_osuda.session.job import Job
from napari_osuda.session.run.expected import expected_between

__all__ = ["intensity_changes"]

# Slices that the histogram is of, and its range in standard deviations of the head.
_SLICES = 16
_EDGES = np.linspace(-3.0, 4.0, 71)


def intensity_changes(job: Job, maps: tuple[IntensityMap, ...] | None) -> tuple[IntensityChange, ...]:
    """For each channel the histogram of the first case's head, and the map or curve that it goes through.

    Parameters
    ----------
    job : Job
    maps : tuple or None
        Of this run; None where nothing is changed, and then nothing is told.
    """
    if maps is None:
        return ()
    case = job.cases[0]
    plain = dataclasses.replace(slice_spec(job.model.card), intensity_maps=None)
    stack = SliceStack(case, plain).thinned(_SLICES)
    chosen = np.flatnonzero(stack.foreground)
    images, heads = stack.slices(chosen), stack.heads(chosen)
    middle = ((_EDGES[1:] + _EDGES[:-1]) / 2).astype(np.float32)
    found = []
    for index, (channel, source, how) in enumerate(zip(case.channels, case.sources, maps, strict=True)):
        values = images[:, index][heads].astype(np.float64)
        scores = (values - values.mean()) / (values.std() or 1.0)
        share = np.histogram(scores, _EDGES)[0] / max(len(scores), 1)
        begun = expected_between(channel, source.name)
        found.append(
            IntensityChange(
                channel=channel,
                scores=middle,
                share=share.astype(np.float32),
                beginning=map_scores(begun if begun != "identity" else how, middle, scores),
                now=map_scores(how, middle, scores),
            )
        )
    return tuple(found)
