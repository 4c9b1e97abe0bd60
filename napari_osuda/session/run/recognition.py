"""The map for an image that is not what its name says, or has no telling name: tried, and figures choose.

Mean distances to the network's statistics cannot choose: an image as it is often has the least. What the
guard expects of the mask can: the figures of the source network's mask through each map, on a few slices.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from torch import nn

from napari_osuda.imaging import IntensityMap, SliceStack, modality_of
from napari_osuda.session.guard.estimate import fitted
from napari_osuda.session.guard.evidence import Candidate, gathered, result_of
from napari_osuda.session.guard.figures import Seen
from napari_osuda.session.guard.passes import WHOLE, seen_by
from napari_osuda.session.guard.statistics import SOURCE_SHARES, with_statistics
from napari_osuda.session.inference.case_slices import slice_spec
from napari_osuda.session.job import Job
from napari_osuda.session.run.expected import expected_between
from napari_osuda.session.run.target import target_of

__all__ = ["expected_gain", "is_useless", "maps_to_try", "recognized_map"]

# Slices of the case that are looked at through each map.
_SLICES = 32
# By how much the expected Dice must rise for an image to be mapped. Chosen on real patients for tuning and
# four from elsewhere: no image of the network's own contrast is changed by it (docs/defaults.md).
_MARGIN = 0.1
_CONTRASTS = ("t1", "t1ce", "t2", "flair")


def maps_to_try(job: Job) -> tuple[IntensityMap, ...]:
    """The maps that physics knows for the contrast of a 2-D network's only channel, and inversion.

    None for other networks: a volume has no few slices that could be looked at through each.
    """
    card = job.model.card
    known = modality_of(card.channels[0])
    if known is None or card.spatial_dims == 3 or len(card.channels) > 1:
        return ()
    found = [expected_between(known, other) for other in _CONTRASTS if other != known]
    return tuple(dict.fromkeys(how for how in (*found, "inverted") if how != "identity"))


def recognized_map(job: Job, network: nn.Module, maps: Sequence[IntensityMap]) -> IntensityMap | None:
    """The map that makes most of an image; None where it is best left as it is.

    Parameters
    ----------
    job : Job
        Of a network of one channel; the first case decides for all.
    network : nn.Module
        The source network, in eval mode on its device; not changed.
    maps : sequence
        Those that are tried.
    """
    if not maps:
        return None
    plain = SliceStack(job.cases[0], slice_spec(job.model.card)).thinned(_SLICES)
    as_it_is = result_of(seen_by(network, plain, job.model.card))
    gains = {how: _expected_gain(job, network, how, plain, as_it_is) for how in maps}
    best = max(gains, key=lambda how: gains[how])
    return best if gains[best] > _MARGIN else None


def expected_gain(job: Job, network: nn.Module, maps: Sequence[IntensityMap]) -> float | None:
    """By how much the Dice that the guard expects rises with a map over that of the image as it is.

    Parameters
    ----------
    job : Job
    network : nn.Module
        The source network, in eval mode on its device; not changed.
    maps : sequence
        One a channel.

    Returns
    -------
    float or None
        None for more than one channel, and for a network of volumes.
    """
    card = job.model.card
    if card.spatial_dims == 3 or len(maps) > 1:
        return None
    plain = SliceStack(job.cases[0], slice_spec(card)).thinned(_SLICES)
    return _expected_gain(job, network, maps[0], plain, result_of(seen_by(network, plain, card)))


def is_useless(job: Job, network: nn.Module) -> bool:
    """Whether the mask of the image as it is has an expected Dice that the guard calls useless.

    Parameters are those of `recognized_map`.
    """
    plain = SliceStack(job.cases[0], slice_spec(job.model.card)).thinned(_SLICES)
    mixes = _mixes(job, network, None)
    evidence = result_of(gathered(network, [], mixes, plain, plain, job.model.card))
    estimator = fitted()
    return estimator.expected(evidence["source"][WHOLE]).dice < estimator.useless


def _expected_gain(
    job: Job, network: nn.Module, how: IntensityMap, plain: SliceStack, as_it_is: Mapping[str, Seen]
) -> float:
    """By how much the expected Dice rises with a map over that of the image as it is."""
    card, estimator = job.model.card, fitted()
    spec = dataclasses.replace(slice_spec(card), intensity_maps=(how,))
    stack = SliceStack(job.cases[0], spec).thinned(_SLICES)
    mixes = _mixes(job, network, (how,))
    candidates = [Candidate("curve", network)]
    evidence = result_of(gathered(network, candidates, mixes, plain, stack, card, as_it_is=as_it_is))
    before, after = evidence["source"][WHOLE], evidence["curve"][WHOLE]
    return estimator.expected(after).dice - estimator.expected(before).dice


def _mixes(job: Job, network: nn.Module, maps: tuple[IntensityMap, ...] | None) -> list[nn.Module]:
    """The network with statistics of one batch, seen through maps, mixed with its own."""
    batch = [next(iter(target_of(job, maps)))]
    found = (
        result_of(with_statistics(network, batch, job.config, job.model.card, share))
        for share in SOURCE_SHARES
    )
    return [mix for mix in found if mix is not None]
