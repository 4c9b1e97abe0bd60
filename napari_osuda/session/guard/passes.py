"""Networks over a case for the guard's figures: the case as it is, and changed a little."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_osuda.imaging import SliceStack
from napari_osuda.method import source_distance
from napari_osuda.models import ModelCard
from napari_osuda.models.classes import region_channels
from napari_osuda.session.guard.changes import mirrored, moved, noisy
from napari_osuda.session.guard.figures import Seen
from napari_osuda.session.guard.looking import Images, LookedAt, device_of, most_again, segmented
from napari_osuda.session.inference.case_slices import parts as parts_of
from napari_osuda.session.inference.mirror import is_symmetric
from napari_osuda.session.inference.outputs import Outputs, Way

__all__ = [
    "WHOLE", "Images", "Pass", "distance_of", "image_of", "inputs_of", "looks_of", "masks_in", "masks_of",
    "seen_by", "seen_twice",
]  # fmt: skip

WHOLE = "all labels"
"""The region of all foreground labels together: always there, and first."""
# Slices whose statistics tell how far a case is from the source.
_BATCH = 16

Pass = Generator[int, None, dict[str, Seen]]
"""Segments batch by batch; what each region's probability is comes at the end."""
Scalar = TypeVar("Scalar", bound=np.generic)
Thinned = tuple[NDArray[np.bool_], NDArray[np.intp]]


def seen_by(
    network: nn.Module,
    stack: SliceStack,
    card: ModelCard,
    images: Images | None = None,
    *,
    changed: bool = True,
    outputs: Outputs | None = None,
) -> Pass:
    """What a network makes of a case, and of the case moved, with noise and mirrored.

    Parameters
    ----------
    network : nn.Module
        In eval mode, on the device that is to do the work.
    stack : SliceStack
        The case as it sees it.
    card : ModelCard
    images : float32 array, optional
        What `inputs_of` gives of the stack, where that is known.
    changed : bool
        Whether to look at the changed case as well: at 24 slices of it at most, or 12 where it has many.
    outputs : Outputs, optional
        What is known there does not go through the network; what goes through it is kept there.

    Yields
    ------
    int
        How many parts have just gone through the network: see `looks_of`.

    Returns
    -------
    dict of str to Seen
        Of `WHOLE` and of each smaller region of the card.
    """
    case = LookedAt(stack, card, images, outputs or Outputs(0))
    return (yield from _seen(network, case, (case.way,), changed))[case.way]


def seen_twice(
    network: nn.Module,
    stack: SliceStack,
    card: ModelCard,
    images: Images | None = None,
    outputs: Outputs | None = None,
) -> Generator[int, None, tuple[dict[str, Seen], dict[str, Seen]]]:
    """What `seen_by` gives of a network alone, and averaged with the mirror image, in the passes of that.

    ``card`` is that of the averaged one.
    """
    case = LookedAt(stack, card, images, outputs or Outputs(0))
    seen = yield from _seen(network, case, ("straight", "averaged"), True)
    return seen["straight"], seen["averaged"]


def looks_of(stack: SliceStack, card: ModelCard) -> tuple[int, int]:
    """How many parts (slices, or windows of a volume) go through a network in `seen_by`, and in `masks_of`.

    One that is averaged with its mirror image counts twice.
    """
    case, whole = LookedAt(stack, card), parts_of(stack, card)
    thinned = whole if stack.patch is not None else min(whole, most_again(stack))
    times = 2 if case.way == "averaged" else 1
    # What is averaged over both sides sees a mirrored image as it saw the image.
    mirrored = case.mirror is not None and (times == 1 or case.edges is not None)
    return times * (whole + (2 + mirrored) * thinned), times * thinned


def masks_of(
    network: nn.Module,
    stack: SliceStack,
    card: ModelCard,
    images: Images | None = None,
    outputs: Outputs | None = None,
) -> Generator[int, None, dict[str, Thinned]]:
    """The mask of each region in 24 or 12 slices of a case at most; their places among those with head."""
    case = LookedAt(stack, card, images, outputs or Outputs(0))
    p = (yield from segmented(network, case, case.thinned, (case.way,)))[case.way]
    names = (WHOLE, *region_channels(card))
    return {name: (_volume(p[:, k] > 0.5), _indices(p, case.thinned)) for k, name in enumerate(names)}


def masks_in(seen: Mapping[str, Seen], stack: SliceStack, card: ModelCard) -> dict[str, Thinned]:
    """What `masks_of` gives of a network, from what it is known to make of the whole case."""
    thinned = LookedAt(stack, card).thinned
    # A volume is looked at as a whole.
    places = {name: np.arange(len(s.p)) if card.plane == "volume" else thinned for name, s in seen.items()}
    return {name: (s.mask[places[name]], places[name]) for name, s in seen.items()}


def inputs_of(stack: SliceStack) -> Images:
    """The network's images of all slices with head, [S, C, h, w]; of a volume [1, C, D, h, w]."""
    return stack.slices(np.flatnonzero(stack.foreground))


def image_of(inputs: Images) -> Images:
    """The network's images by slices, [S, C, h, w]; of a volume [D, C, h, w]."""
    return np.moveaxis(inputs[0], 1, 0) if inputs.ndim == 5 and len(inputs) else inputs


@torch.inference_mode()
def distance_of(network: nn.Module, stack: SliceStack) -> float:
    """Mean distance (eq. 5) between the statistics that a network stored and those of a case; 0 without any.

    Parameters
    ----------
    network : nn.Module
        The source network, in eval mode.
    stack : SliceStack
        The case as it sees it.
    """
    sizes = stack.head_sizes
    indices = np.flatnonzero(sizes > 0.5 * sizes.max(initial=0))
    if not len(indices):
        return 0.0
    x = torch.from_numpy(stack.slices(indices[:: -(-len(indices) // _BATCH)]))
    if stack.patch is not None:
        middle = [_middle(n, p) for n, p in zip(x.shape[2:], stack.patch, strict=True)]
        x = x[(slice(None), slice(None), *middle)]
    found = source_distance(network, x.to(device_of(network)))
    return 0.0 if found is None else float(torch.nanmean(found))


def _middle(size: int, patch: int) -> slice:
    start = (size - patch) // 2
    return slice(start, start + patch)


def _seen(
    network: nn.Module, case: LookedAt, ways: tuple[Way, ...], changed: bool
) -> Generator[int, None, dict[Way, dict[str, Seen]]]:
    """What is seen in some ways; what one pass tells of several of them is asked for once."""
    thinned, mirror, shared = case.thinned if changed else np.arange(0), case.mirror, case.edges is None
    symmetric = mirror is not None and len(thinned) > 0 and is_symmetric(case.slices(thinned), mirror)
    looks: tuple[Way, ...] = (*ways, "mirrored") if symmetric and shared and len(ways) > 1 else ways
    whole = yield from segmented(network, case, np.arange(len(case.all)), looks)
    changes = [moved(), noisy(case.stack.case.name)] if len(thinned) else []
    if mirror is not None and symmetric and not shared:
        changes.append(mirrored(mirror))
    masks: dict[Way, list[NDArray[np.bool_]]] = {way: [] for way in ways}
    for change in changes:
        found = yield from segmented(network, case, thinned, ways, change)
        for way in ways:
            masks[way].append(found[way] > 0.5)
    if symmetric and shared:
        if "straight" in ways:
            if "mirrored" in whole:
                side = whole["mirrored"][thinned]
            else:
                side = (yield from segmented(network, case, thinned, ("mirrored",)))["mirrored"]
            masks["straight"].append(side > 0.5)
        if "averaged" in ways:
            # The mean over both sides is the same for an image and for its mirror image.
            masks["averaged"].append(whole["averaged"][thinned] > 0.5)
    names = (WHOLE, *region_channels(case.card))
    return {
        way: {
            name: Seen(
                _volume(whole[way][:, k]),
                tuple((_volume(mask[:, k]), _indices(whole[way], thinned)) for mask in masks[way]),
            )
            for k, name in enumerate(names)
        }
        for way in ways
    }


def _volume(values: NDArray[Scalar]) -> NDArray[Scalar]:
    """A volume's own slices in place of a stack of one volume."""
    return values[0] if values.ndim == 4 and len(values) else values


def _indices(p: NDArray[np.float16], thinned: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.arange(p.shape[2]) if p.ndim == 5 else thinned
