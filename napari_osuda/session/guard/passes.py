"""Networks over a case for the guard's figures: the case as it is, and changed a little."""

from __future__ import annotations

import zlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_osuda.imaging import SliceStack
from napari_osuda.imaging.planes import mirror_axis
from napari_osuda.method import main_output, probabilities, source_distance
from napari_osuda.models import ModelCard
from napari_osuda.models.classes import foreground_probability, region_channels, region_probability
from napari_osuda.session.guard.figures import Seen
from napari_osuda.session.inference.case_slices import parts as parts_of
from napari_osuda.session.inference.mirror import averaged, is_symmetric
from napari_osuda.session.inference.sliding_window import SlidingWindow

__all__ = ["WHOLE", "Pass", "distance_of", "image_of", "looks_of", "masks_of", "seen_by"]

WHOLE = "all labels"
"""The region of all foreground labels together: always there, and first."""
_BATCH = 16
# Slices that stand for a case where it is segmented again, changed or with other statistics.
_THINNED = 24
# Pixels along both axes: no multiple of a pooling layer's step.
_MOVED = 3
# Standard deviation of the noise, in those of the network's image.
_NOISE = 0.1

Pass = Generator[int, None, dict[str, Seen]]
"""Segments batch by batch; what each region's probability is comes at the end."""
Scalar = TypeVar("Scalar", bound=np.generic)
Thinned = tuple[NDArray[np.bool_], NDArray[np.intp]]


@dataclass(frozen=True)
class _Case:
    """A case's slices as a network sees them, and which of them stand for it."""

    stack: SliceStack
    card: ModelCard

    @property
    def all(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.stack.foreground)

    @property
    def thinned(self) -> NDArray[np.intp]:
        """Places among `all`, not slice numbers."""
        count = len(self.all)
        step = -(-count // _THINNED)
        return np.arange(step // 2, count, step) if count else np.arange(0)


def seen_by(network: nn.Module, stack: SliceStack, card: ModelCard, *, changed: bool = True) -> Pass:
    """What a network makes of a case, and of the case moved, with noise and mirrored.

    Parameters
    ----------
    network : nn.Module
        In eval mode, on the device that is to do the work.
    stack : SliceStack
        The case as it sees it.
    card : ModelCard
    changed : bool
        Whether to look at the changed case as well: at 24 slices of it at most.

    Yields
    ------
    int
        How many parts have just gone through the network: see `looks_of`.

    Returns
    -------
    dict of str to Seen
        Of `WHOLE` and of each smaller region of the card.
    """
    case = _Case(stack, card)
    p = yield from _segmented(network, case, case.all)
    again: list[tuple[NDArray[np.bool_], NDArray[np.intp]]] = []
    if changed and len(case.all):
        thinned = case.thinned
        changes: list[_Change] = [_Moved(), _Noisy(stack)]
        mirror = mirror_axis(card.plane, card.orientation)
        if mirror is not None and is_symmetric(stack.slices(case.all[thinned]), mirror):
            changes.append(_Mirrored(mirror))
        for change in changes:
            q = yield from _segmented(network, case, case.all[thinned], change)
            again.append((q > 0.5, thinned))
    names = (WHOLE, *region_channels(card))
    return {
        name: Seen(_volume(p[:, k]), tuple((_volume(mask[:, k]), _indices(p, at)) for mask, at in again))
        for k, name in enumerate(names)
    }


def looks_of(stack: SliceStack, card: ModelCard) -> tuple[int, int]:
    """How many parts (slices, or windows of a volume) go through a network in `seen_by`, and in `masks_of`.

    One that is averaged with its mirror image counts twice.
    """
    whole = parts_of(stack, card)
    thinned = whole if stack.patch is not None else min(whole, _THINNED)
    changes = 2 + (mirror_axis(card.plane, card.orientation) is not None)
    times = 2 if mirror_axis(card.plane, card.orientation) is not None and card.mirror_averaging else 1
    return times * (whole + changes * thinned), times * thinned


def masks_of(
    network: nn.Module, stack: SliceStack, card: ModelCard
) -> Generator[int, None, dict[str, Thinned]]:
    """The mask of each region in 24 slices of a case at most, and which of its slices with head those are."""
    case = _Case(stack, card)
    p = yield from _segmented(network, case, case.all[case.thinned])
    names = (WHOLE, *region_channels(card))
    return {name: (_volume(p[:, k] > 0.5), _indices(p, case.thinned)) for k, name in enumerate(names)}


def image_of(stack: SliceStack) -> NDArray[np.float32]:
    """The case's slices with head on the network's grid, [S, C, h, w]; of a volume [D, C, h, w]."""
    image = stack.slices(np.flatnonzero(stack.foreground))
    return np.moveaxis(image[0], 1, 0) if image.ndim == 5 and len(image) else image


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
    found = source_distance(network, x.to(_device(network)))
    return 0.0 if found is None else float(torch.nanmean(found))


def _middle(size: int, patch: int) -> slice:
    start = (size - patch) // 2
    return slice(start, start + patch)


class _Change:
    """A change of the network's image that leaves what is seen in it, and its inverse."""

    def __call__(self, x: Tensor, first: int) -> Tensor:
        """Change slices [B, C, ...], the first of which is number ``first`` of those looked at."""
        raise NotImplementedError

    def undo(self, p: NDArray[np.float16]) -> NDArray[np.float16]:
        """Change what a network makes of them, [B, R, ...], back."""
        return p


class _Moved(_Change):
    def __call__(self, x: Tensor, first: int) -> Tensor:
        return x.roll((_MOVED, _MOVED), (-2, -1))

    def undo(self, p: NDArray[np.float16]) -> NDArray[np.float16]:
        return np.roll(p, (-_MOVED, -_MOVED), (-2, -1))


class _Mirrored(_Change):
    def __init__(self, axis: int) -> None:
        self._axis = axis + 2

    def __call__(self, x: Tensor, first: int) -> Tensor:
        return x.flip(self._axis)

    def undo(self, p: NDArray[np.float16]) -> NDArray[np.float16]:
        return np.flip(p, self._axis)


class _Noisy(_Change):
    """The same noise whichever network looks."""

    def __init__(self, stack: SliceStack) -> None:
        self._seed = zlib.crc32(stack.case.name.encode())

    def __call__(self, x: Tensor, first: int) -> Tensor:
        generator = torch.Generator().manual_seed(self._seed + first)
        noise = torch.randn(x.shape, generator=generator)
        return x + _NOISE * float(x.std()) * noise


@torch.inference_mode()
def _segmented(
    network: nn.Module, case: _Case, slices: Sequence[int] | NDArray[np.intp], change: _Change | None = None
) -> Generator[int, None, NDArray[np.float16]]:
    """Probability of each region in some slices, [B, R, ...]; half precision is enough for a figure."""
    stack, card = case.stack, case.card
    regions, plain, network = region_channels(card), network, averaged(network, card)
    times = 1 if network is plain else 2
    edges = stack.patch or stack.window
    if edges is not None:
        network = SlidingWindow(network, edges)
    device, parts = _device(network), []
    for start in range(0, len(slices), _BATCH):
        x = torch.from_numpy(stack.slices(slices[start : start + _BATCH]))
        if change is not None:
            x = change(x, start)
        p = probabilities(main_output(network(x.to(device))), card.activation).float()
        found = torch.stack(
            [
                foreground_probability(p, card),
                *(region_probability(p, channels, card) for channels in regions.values()),
            ],
            dim=1,
        )
        q = found.cpu().numpy().astype(np.float16)
        parts.append(q if change is None else change.undo(q))
        yield times * (parts_of(stack, card) if stack.patch is not None else len(x))
    if not parts:
        return np.zeros((0, 1 + len(regions), *stack.shape), np.float16)
    return np.concatenate(parts)


def _device(network: nn.Module) -> torch.device:
    return next((p.device for p in network.parameters()), torch.device("cpu"))


def _volume(values: NDArray[Scalar]) -> NDArray[Scalar]:
    """A volume's own slices in place of a stack of one volume."""
    return values[0] if values.ndim == 4 and len(values) else values


def _indices(p: NDArray[np.float16], thinned: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.arange(p.shape[2]) if p.ndim == 5 else thinned
