"""A network's masks of a case: slices in, probabilities out, labels back in the case's own voxels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from napari_osuda.imaging import SliceStack
from napari_osuda.method import probabilities
from napari_osuda.models import ModelCard, decide
from napari_osuda.models.classes import foreground_probability
from napari_osuda.session.inference.mirror import averaged
from napari_osuda.session.inference.outputs import Keep, goes_by_slices
from napari_osuda.session.inference.parts import through
from napari_osuda.session.inference.second_look import Rotated, not_found_again, pieces_in
from napari_osuda.session.inference.sliding_window import Blended, SlidingWindow, slide
from napari_osuda.session.job import Labels

__all__ = ["looked_at_again", "predicted", "returned"]

_BATCH = 16
# Logits where no network looked: far from what is undecided, and no mountain to interpolate beside.
_SURE = 10.0


def returned(
    stack: SliceStack,
    chosen: npt.NDArray[np.intp],
    output: Tensor,
    card: ModelCard,
    seen: Tensor | None = None,
) -> npt.NDArray[np.float32]:
    """Probabilities in the case's own voxels from a network's output, interpolated as its card says.

    Parameters
    ----------
    stack : SliceStack
    chosen : int array [B]
        Numbers of the slices.
    output : Tensor [B, K, h, w] or [B, K, d, h, w]
    card : ModelCard
    seen : bool Tensor [h, w] or [d, h, w], optional
        Where the output is one; elsewhere there is background.

    Returns
    -------
    float32 array [B, K, H, W] or [B, K, D, H, W]
    """
    outside = np.zeros(output.shape[1], np.float32)
    if 0 in card.channel_values:
        outside[card.channel_values.index(0)] = 1.0
    logits = card.interpolated == "logits" and card.activation != "none"
    values = (output if logits else probabilities(output, card.activation)).float().cpu().numpy()
    beyond = (2 * outside - 1) * _SURE if logits else outside
    if seen is not None:
        values[:, :, ~seen.numpy()] = beyond[:, None]
    back = stack.inverse(chosen, values, beyond, nearest=card.interpolated == "nearest")
    return probabilities(torch.from_numpy(back), card.activation).numpy() if logits else back


@torch.inference_mode()
def predicted(
    network: nn.Module,
    stack: SliceStack,
    card: ModelCard,
    batch_size: int = _BATCH,
    watch: Callable[[npt.NDArray[np.intp], npt.NDArray[np.float32]], None] | None = None,
    known: Mapping[int, Tensor] | None = None,
    keep: Keep | None = None,
) -> Iterator[Labels | tuple[int, int]]:
    """Segment a case, giving parts done and in all (slices, or windows of a volume); the labels at the end.

    Parameters
    ----------
    network : nn.Module
        In eval mode, on the device that is to do the work.
    stack : SliceStack
        The case as the network sees it; slices without any voxel of it are background.
    card : ModelCard
        What the output means.
    watch : callable, optional
        Called with the numbers of slices [B] and their probabilities [B, K, H, W], in the case's own voxels.
    known : mapping of int to Tensor [K, h, w], optional
        What the network puts out for some slices as the card wants it to predict: they come first.
    keep : callable, optional
        Called with the network's output for slices that went through it as a whole.

    Yields
    ------
    tuple of int, then uint8 array [I, J, K]
        In the case's own array order.
    """
    planes, total, halves = dict[int, Labels](), 0, 2 if card.second_look else 1
    work = _outputs(averaged(network, card), stack, card, batch_size, known or {})
    for chosen, output, seen, (done, total) in work:
        if output is not None:
            if keep is not None and goes_by_slices(stack):
                keep(chosen, output)
            p = returned(stack, chosen, output, card, seen)
            if watch is not None:
                watch(chosen, p)
            planes.update(zip(chosen.tolist(), decide(p, card), strict=True))
        yield done // halves, total
    labels = stack.assemble(planes)
    if not card.second_look:
        yield labels
        return
    for part in looked_at_again(network, stack, card, labels, batch_size):
        if isinstance(part, np.ndarray):
            yield total, total
            yield part
        else:
            yield total * (part[1] + part[0]) // (2 * part[1]), total


@torch.inference_mode()
def looked_at_again(
    network: nn.Module, stack: SliceStack, card: ModelCard, labels: Labels, batch_size: int = _BATCH
) -> Iterator[Labels | tuple[int, int]]:
    """A network's mask without the pieces that it does not find again in the rotated image.

    Parameters
    ----------
    network : nn.Module
        In eval mode, on the device that is to do the work; it looks at the rotated image alone.
    stack : SliceStack
    card : ModelCard
    labels : uint8 array [I, J, K]
        Its mask, which is left as it is.
    batch_size : int

    Yields
    ------
    tuple of int, then uint8 array [I, J, K]
        Parts done and in all: only slices where something is marked are looked at. Then the mask.
    """
    labels = labels.copy()
    stacked = stack.stacked(labels)
    if pieces_in(stacked) > 1:
        shown = np.zeros(stacked.shape, np.float16)
        marked = stack.foreground & stacked.reshape(len(stacked), -1).any(axis=1)
        for chosen, output, seen, done in _outputs(Rotated(network), stack, card, batch_size, {}, marked):
            if output is not None:
                p = returned(stack, chosen, output, card, seen)
                shown[chosen] = foreground_probability(torch.from_numpy(p), card).numpy()
            yield done
        stacked[not_found_again(stacked, shown)] = 0
    yield labels


_Part = tuple[npt.NDArray[np.intp], Tensor | None, Tensor | None, tuple[int, int]]


def _outputs(
    network: nn.Module,
    stack: SliceStack,
    card: ModelCard,
    batch_size: int,
    known: Mapping[int, Tensor],
    wanted: npt.NDArray[np.bool_] | None = None,
) -> Iterator[_Part]:
    """Which slices, the output for them and where it is one (None: everywhere, or not yet), what is done."""
    indices = np.flatnonzero(stack.foreground if wanted is None else wanted)
    if stack.patch is not None:
        done = (0, 1)
        volume = torch.from_numpy(stack.slices([0]))
        for part in slide(network, volume, stack.patch, stack.head, card.overlap, card.windows):
            if isinstance(part, Blended):
                yield indices, part.output, part.seen, done
            else:
                done = part
                yield indices, None, None, done
        return
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    if stack.window is not None:
        network = SlidingWindow(network, stack.window, card.overlap, card.windows, stack.held)
    is_known, gone = np.isin(indices, list(known)), 0
    for having in (True, False):
        group = indices[is_known == having]
        for start in range(0, len(group), batch_size):
            chosen = group[start : start + batch_size]
            if having:
                output = torch.stack([known[index] for index in chosen.tolist()])
            else:
                output = through(network, torch.from_numpy(stack.slices(chosen)).to(device))
            gone += len(chosen)
            yield chosen, output, None, (gone, len(indices))
