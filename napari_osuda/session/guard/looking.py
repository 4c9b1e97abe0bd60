"""Slices of a case through a network for the guard, as they are or changed: each region's probability."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_osuda.imaging import SliceStack
from napari_osuda.imaging.planes import mirror_axis
from napari_osuda.method import probabilities
from napari_osuda.models import ModelCard
from napari_osuda.models.classes import foreground_probability, region_channels, region_probability
from napari_osuda.session.guard.changes import Change
from napari_osuda.session.inference.case_slices import parts as parts_of
from napari_osuda.session.inference.mirror import MirrorAveraged, mean_of, way_of
from napari_osuda.session.inference.outputs import Outputs, Way
from napari_osuda.session.inference.parts import through
from napari_osuda.session.inference.sliding_window import SlidingWindow

__all__ = ["LOOKED_AT", "THINNED", "Images", "LookedAt", "device_of", "most_again", "segmented"]

LOOKED_AT = 72
"""Slices of a case that the guard's figures are of, at most and evenly spaced. The estimator was fitted on
patients of 20 to 71, so of none of these is any left out; of thinner slices as many are looked at."""
THINNED = 24
"""Slices that stand for a case where it is segmented again, changed or with other statistics."""
_BATCH = 16

Images = NDArray[np.float32]


@dataclass(frozen=True)
class LookedAt:
    """A case's slices as a network sees them, and which of them stand for it.

    Attributes
    ----------
    stack : SliceStack
    card : ModelCard
    images : float32 array, optional
        The network's images of all slices with head, where they are known.
    outputs : Outputs
        What is known there does not go through a network; what goes through it is kept there.
    """

    stack: SliceStack
    card: ModelCard
    images: Images | None = None
    outputs: Outputs = field(default_factory=lambda: Outputs(0))

    @cached_property
    def all(self) -> NDArray[np.intp]:
        """Numbers of the slices with head."""
        return np.flatnonzero(self.stack.foreground)

    @cached_property
    def thinned(self) -> NDArray[np.intp]:
        """Places among `all`, not slice numbers."""
        count = len(self.all)
        step = -(-count // most_again(self.stack))
        return np.arange(step // 2, count, step) if count else np.arange(0)

    def slices(self, places: NDArray[np.intp]) -> Images:
        """The network's images [B, C, ...] of some of `all`."""
        return self.stack.slices(self.all[places]) if self.images is None else self.images[places]

    @property
    def edges(self) -> tuple[int, ...] | None:
        """Of the windows that the network goes through it in."""
        return self.stack.patch or self.stack.window

    @property
    def mirror(self) -> int | None:
        """Left to right among the space axes."""
        return mirror_axis(self.card.plane, self.card.orientation)

    @property
    def way(self) -> Way:
        """How the card wants the network to predict."""
        return way_of(self.card)


def most_again(stack: SliceStack) -> int:
    """So many slices stand for a case at most where it is segmented again: of one with many, half as many."""
    return THINNED if np.count_nonzero(stack.head_sizes) <= LOOKED_AT else THINNED // 2


@torch.inference_mode()
def segmented(
    network: nn.Module,
    case: LookedAt,
    places: NDArray[np.intp],
    ways: tuple[Way, ...],
    change: Change | None = None,
) -> Generator[int, None, dict[Way, NDArray[np.float16]]]:
    """Probability of each region in some slices; half precision is enough for a figure.

    Parameters
    ----------
    network : nn.Module
        In eval mode, on the device that is to do the work.
    case : LookedAt
    places : int array [B]
        Places among its slices with head.
    ways : tuple of {"straight", "mirrored", "averaged"}
    change : Change, optional
        Made before, and undone after. Without one, what is known of the slices does not go through the
        network again, and what goes through it is kept.

    Yields
    ------
    int
        How many parts have just gone through the network.

    Returns
    -------
    dict of way to float16 array [B, R, ...]
    """
    stack, card = case.stack, case.card
    regions, device = region_channels(card), device_of(network)
    parts: dict[Way, list[NDArray[np.float16]]] = {way: [] for way in ways}
    known = {} if change is not None else _known(network, case, ways)
    keep = None if change is not None else case.outputs.keeping(network, stack, case.way)
    order: list[NDArray[np.intp]] = []
    for group, having in _groups(case, places, known):
        times = _passes(ways, having)
        for start in range(0, len(group), _BATCH):
            at = group[start : start + _BATCH]
            chosen = places[at]
            order.append(at)
            outputs = {way: _stacked(known[way], case.all[chosen]).to(device) for way in having}
            if times:
                x = torch.from_numpy(case.slices(chosen))
                if change is not None:
                    x = change.change(x, start)
                outputs |= _outputs(network, case, x.to(device), ways, outputs.get("straight"))
            if keep is not None and case.way in outputs:
                keep(case.all[chosen], outputs[case.way])
            for way in ways:
                p = probabilities(outputs[way], card.activation).float()
                found = [foreground_probability(p, card)]
                found += [region_probability(p, channels, card) for channels in regions.values()]
                q = torch.stack(found, dim=1).half().cpu().numpy()
                parts[way].append(q if change is None else change.undo(q))
            if times:
                yield times * (len(chosen) if stack.patch is None else parts_of(stack, card))
    if not order:
        nothing = np.zeros((0, 1 + len(regions), *stack.shape), np.float16)
        return dict.fromkeys(ways, nothing)
    back = np.argsort(np.concatenate(order))
    return {way: np.concatenate(found)[back] for way, found in parts.items()}


def _known(network: nn.Module, case: LookedAt, ways: tuple[Way, ...]) -> dict[Way, Mapping[int, Tensor]]:
    """What is known of the slices in the ways that are wanted, or that those are made of."""
    wanted = {*ways, "straight"} if "averaged" in ways else set(ways)
    found = {way: case.outputs.known(network, case.stack, way) for way in get_args(Way) if way in wanted}
    return {way: outputs for way, outputs in found.items() if outputs}


def _groups(
    case: LookedAt, places: NDArray[np.intp], known: Mapping[Way, Mapping[int, Tensor]]
) -> Iterator[tuple[NDArray[np.intp], tuple[Way, ...]]]:
    """Which of the places are known in the same ways, and in which."""
    having = [tuple(way for way, outputs in known.items() if i in outputs) for i in case.all[places].tolist()]
    for ways in dict.fromkeys(having):
        yield np.array([place for place, own in enumerate(having) if own == ways], np.intp), ways


def _passes(ways: tuple[Way, ...], having: tuple[Way, ...]) -> int:
    """How often a slice goes through the network for all ways."""
    needed = {"straight", "mirrored"} if "averaged" in ways else set(ways)
    return 0 if set(ways) <= set(having) else len(needed - set(having))


def _stacked(outputs: Mapping[int, Tensor], indices: NDArray[np.intp]) -> Tensor:
    return torch.stack([outputs[index] for index in indices.tolist()])


def _outputs(
    network: nn.Module, case: LookedAt, x: Tensor, ways: tuple[Way, ...], straight: Tensor | None = None
) -> dict[Way, Tensor]:
    """The network's output for a batch in each way, of the batch as it lies; ``straight`` may be known."""
    if case.edges is not None:
        # Windows lie otherwise in a mirrored image: no pass serves two ways.
        return {way: SlidingWindow(_by(network, case, way), case.edges)(x) for way in ways}
    found: dict[Way, Tensor] = {}
    if ways != ("mirrored",):
        found["straight"] = through(network, x) if straight is None else straight
    if case.mirror is not None and ways != ("straight",):
        axis = (case.mirror + 2,)
        found["mirrored"] = torch.flip(through(network, torch.flip(x, axis)), axis)
    if "averaged" in ways:
        found["averaged"] = mean_of(found["straight"], found["mirrored"])
    return {way: found[way] for way in ways}


def _by(network: nn.Module, case: LookedAt, way: Way) -> nn.Module:
    """A network that predicts so by itself."""
    return MirrorAveraged(network, case.mirror) if way == "averaged" and case.mirror is not None else network


def device_of(network: nn.Module) -> torch.device:
    """Where a network is."""
    return next((p.device for p in network.parameters()), torch.device("cpu"))
