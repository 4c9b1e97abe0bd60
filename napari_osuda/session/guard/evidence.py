"""The figures of all candidates for a case's mask, gathered together: each network looks once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import nn

from napari_osuda.imaging import SliceStack
from napari_osuda.models import ModelCard
from napari_osuda.session.guard.figures import Evidence, Seen, figures_of
from napari_osuda.session.guard.looking import LOOKED_AT, LookedAt
from napari_osuda.session.guard.passes import (
    distance_of,
    image_of,
    inputs_of,
    looks_of,
    masks_in,
    masks_of,
    seen_by,
    seen_twice,
)
from napari_osuda.session.inference.mirror import way_of
from napari_osuda.session.inference.outputs import Outputs, Way, goes_by_slices

__all__ = ["Candidate", "CandidateName", "Known", "each_as", "gathered", "looked_at", "looks_at", "result_of"]

CandidateName = Literal["source", "curve", "mirror", "pieces", "statistics", "earlier", "adapted"]
"""What a mask is of: the source model; the same through the run's intensity map; the same averaged over image
and mirror image; the same without pieces that it does not find again; the target's statistics, no training;
an earlier iteration; the last one."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A network, in eval mode on the device, whose mask might be used."""

    name: CandidateName
    network: nn.Module


Known = Callable[[nn.Module, SliceStack, Way], NDArray[np.intp]]
"""The numbers of a stack's slices with head whose output of a network is known, in a way."""


def gathered(
    source: nn.Module,
    candidates: Sequence[Candidate],
    mixes: Sequence[nn.Module],
    plain: SliceStack,
    stack: SliceStack,
    card: ModelCard,
    adapted_card: ModelCard | None = None,
    as_it_is: Mapping[str, Seen] | None = None,
    outputs: Outputs | None = None,
) -> Generator[int, None, dict[CandidateName, Evidence]]:
    """The figures of the source model's mask and of every candidate's, for each region.

    They are of `LOOKED_AT` slices of the case at most.

    Parameters
    ----------
    source : nn.Module
        In eval mode, on the device that is to do the work.
    candidates : sequence of Candidate
        Which see the case as the run does; the source is not among them.
    mixes : sequence of nn.Module
        The source network under mixes of source and target statistics.
    plain, stack : SliceStack
        The case as the source network sees it, and as the run does: through an intensity map, if it has one.
    card, adapted_card : ModelCard
        Of the source model and of the candidates, whose predictions may be averaged with those of the mirror
        image; the same without it.
    as_it_is : mapping of str to Seen, optional
        What `seen_by` of the source network and ``plain`` gives, where that is known.
    outputs : Outputs, optional
        What is known there does not go through a network; what goes through one is kept there.

    Yields
    ------
    int
        After each batch, how many parts it has had: as many as `looks_at` in all, or nearly so.
    """
    plain, stack = looked_at(plain, stack)
    inputs = inputs_of(plain)
    # As the candidates see it: through an intensity map, if there is one.
    theirs = inputs if stack is plain else inputs_of(stack)
    averaged = adapted_card or card
    again: Mapping[str, Seen] | None = None
    here = as_it_is if stack is plain else None
    if here is None and averaged != card and any(candidate.network is source for candidate in candidates):
        here, again = yield from seen_twice(source, stack, averaged, theirs, outputs)
    elif here is None:
        here = yield from seen_by(source, stack, card, theirs, outputs=outputs)
    original = here if stack is plain else as_it_is
    if original is None:
        original = yield from seen_by(source, plain, card, inputs, outputs=outputs)
    seen: dict[CandidateName, Mapping[str, Seen]] = {"source": original}
    for candidate in candidates:
        known = None if candidate.network is not source else here if averaged == card else again
        if known is None:
            known = yield from seen_by(candidate.network, stack, averaged, theirs, outputs=outputs)
        seen[candidate.name] = known
    mapped = None if stack is plain else here
    masks = [masks_in(here, stack, card)]
    for mix in mixes:
        masks.append((yield from masks_of(mix, stack, card, theirs, outputs)))
    image, distance = image_of(inputs), distance_of(source, plain)
    distances = distance, distance if stack is plain else distance_of(source, stack)
    found: dict[CandidateName, Evidence] = {}
    for name, regions in seen.items():
        others = [other for key, other in seen.items() if key not in (name, "earlier")]
        found[name] = {
            region: figures_of(
                mask,
                seen["source"][region],
                image,
                [mix[region] for mix in masks],
                [other[region].mask for other in others],
                distances[name != "source"],
                None if mapped is None or name == "source" else mapped[region].p,
            )
            for region, mask in regions.items()
        }
    return found


def looks_at(
    source: nn.Module,
    candidates: Sequence[Candidate],
    mixes: Sequence[nn.Module],
    plain: SliceStack,
    stack: SliceStack,
    card: ModelCard,
    adapted_card: ModelCard | None = None,
    known: Known | None = None,
) -> int:
    """How many parts of a case go through a network in `gathered`, which takes the same.

    ``known``: which slices' output of a network is known, of networks that the case goes through by slices.
    """
    plain, stack = looked_at(plain, stack)
    seen, masks = looks_of(stack, card)
    averaged = looks_of(stack, adapted_card or card)[0]
    twice = adapted_card not in (None, card) and any(candidate.network is source for candidate in candidates)
    total = (averaged if twice else seen) + (0 if stack is plain else seen) + len(mixes) * masks
    others = [candidate.network for candidate in candidates if candidate.network is not source]
    if known is not None and goes_by_slices(plain):
        total -= len(known(source, plain, way_of(card))) * (2 if way_of(card) == "averaged" else 1)
        total -= sum(len(known(network, stack, "straight")) for network in others)
        again = len(LookedAt(stack, card).thinned) / max(int(stack.foreground.sum()), 1)
        total -= round(sum(again * len(known(mix, stack, "straight")) for mix in mixes))
    return total + averaged * len(others)


def looked_at(plain: SliceStack, stack: SliceStack) -> tuple[SliceStack, SliceStack]:
    """The slices of a case that the figures are of, as each of the two stacks shows them."""
    few = plain.thinned(LOOKED_AT)
    return few, few if stack is plain else stack.thinned(LOOKED_AT)


Part = TypeVar("Part")
Made = TypeVar("Made")
Result = TypeVar("Result")


def each_as(
    work: Generator[Part, None, Result], make: Callable[[Part], Made]
) -> Generator[Made, None, Result]:
    """A generator that yields what ``make`` gives for each part of another; it returns the same."""
    while True:
        try:
            part = next(work)
        except StopIteration as end:
            value: Result = end.value
            return value
        yield make(part)


def result_of(work: Generator[Any, None, Result]) -> Result:
    """What a generator returns, for who wants none of its progress."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            value: Result = end.value
            return value
