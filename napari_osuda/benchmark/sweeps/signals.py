"""Label-free figures of a network's segmentation that the sweep's tables hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn

from napari_osuda.evaluation import coherence, dice, largest_piece
from napari_osuda.imaging import SliceStack
from napari_osuda.imaging.planes import mirror_axis
from napari_osuda.method import main_output, probabilities
from napari_osuda.models import ModelCard
from napari_osuda.models.classes import foreground_probability, region_channels, region_probability
from napari_osuda.session.guard.passes import WHOLE
from napari_osuda.session.inference.sliding_window import SlidingWindow

__all__ = ["GATHERED", "Signals", "SignalsByRegion", "gather", "signals_of"]

_BATCH = 16
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Signals:
    """Label-free figures of one region of a segmentation, on the network's own grid.

    Attributes
    ----------
    share : float
        Marked share of the head.
    certainty : float
        1 - sum p (1 - p) / sum p of the foreground probability: the overlap that the network itself
        expects, were its probabilities true.
    mirror : float
        Dice between the mask and that of the mirrored head; 1 where slices have no left and right.
    coherence : float
        Overlap of the mask with itself one slice further: a 2-D network does not know its neighbors,
        and a lesion does not jump. 1 for volumes.
    largest : float
        Share of the mask in its largest piece.
    border : float
        How much the image changes across the mask's border: difference of the means inside and just
        outside over the spread of the head, in the channel where it is largest.
    """

    share: float
    certainty: float
    mirror: float
    coherence: float
    largest: float
    border: float

    def to_dict(self) -> dict[str, float]:
        """The figures by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


GATHERED = tuple(f.name for f in fields(Signals))
"""Names of the figures that one network's segmentation gives by itself."""
SignalsByRegion = Mapping[str, Signals]
"""Of `WHOLE` and of each smaller region of the card, or label where the card has no regions."""


@torch.inference_mode()
def gather(
    network: nn.Module, stack: SliceStack, card: ModelCard, picture: SliceStack | None = None
) -> Iterator[SignalsByRegion | tuple[int, int]]:
    """Segment a case and its mirror image, giving (slices done, in all) between batches; the figures last.

    Parameters
    ----------
    network : nn.Module
        In eval mode, on the device that is to do the work.
    stack : SliceStack
        The case as the network sees it.
    card : ModelCard
    picture : SliceStack, optional
        The case as people see it, where the network sees it through an intensity map.
    """
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    edges = stack.patch or stack.window
    if edges is not None:
        network = SlidingWindow(network, edges)
    indices = np.flatnonzero(stack.foreground)
    images: list[Floats] = []
    heads: list[Mask] = []
    plain: list[Floats] = []
    mirrored: list[Mask] = []
    mirror = mirror_axis(card.plane, card.orientation)
    regions = region_channels(card)

    def segment(x: Tensor) -> Floats:
        p = probabilities(main_output(network(x)), card.activation).float()
        found = [
            foreground_probability(p, card),
            *(region_probability(p, channels, card) for channels in regions.values()),
        ]
        return torch.stack(found, dim=1).cpu().numpy()

    for start in range(0, len(indices), _BATCH):
        x = torch.from_numpy(stack.slices(indices[start : start + _BATCH])).to(device)
        shown = stack if picture is None else picture
        images.append(shown.slices(indices[start : start + _BATCH]))
        heads.append(shown.heads(indices[start : start + _BATCH]))
        plain.append(segment(x))
        if mirror is not None:
            mirrored.append(np.flip(segment(x.flip(mirror + 2)), mirror + 2) > 0.5)
        yield min(start + _BATCH, len(indices)), len(indices)
    p, image, head = np.concatenate(plain), np.concatenate(images), np.concatenate(heads)
    q = np.concatenate(mirrored) if mirrored else None
    yield {
        name: signals_of(p[:, k], image, None if q is None else q[:, k], head)
        for k, name in enumerate((WHOLE, *regions))
    }


def signals_of(p: Floats, image: Floats, mirrored: Mask | None, head: Mask) -> Signals:
    """The figures of a segmentation that has been made.

    Parameters
    ----------
    p : float32 array [S, h, w] or [S, d, h, w]
        Foreground probability in successive slices.
    image : float32 array [S, C, h, w] or [S, C, d, h, w]
        As the network saw it.
    mirrored : bool array of the shape of ``p``, or None
        Mask of the mirrored head, mirrored back.
    head : bool array of the shape of ``p``
        What is head in the image.
    """
    mask = p > 0.5
    marked = int(mask.sum())
    volume = mask[0] if mask.ndim == 4 else mask
    return Signals(
        share=marked / max(int(head.sum()), 1),
        certainty=float(1 - (p * (1 - p)).sum() / max(float(p.sum()), 1e-6)),
        mirror=1.0 if mirrored is None else dice(mask, mirrored),
        coherence=coherence(mask) if mask.ndim == 3 else 1.0,
        largest=largest_piece(volume),
        border=_border(mask, image, head),
    )


def _border(mask: Mask, image: Floats, head: Mask) -> float:
    within = np.ones((1, *[3] * (mask.ndim - 1)), bool)
    inner = mask & ~ndimage.binary_erosion(mask, within, iterations=2)
    outer = (
        ndimage.binary_dilation(mask, within, iterations=3) & ~ndimage.binary_dilation(mask, within) & head
    )
    if not inner.any() or not outer.any():
        return 0.0
    steps: list[Any] = []
    for channel in np.moveaxis(image, 1, 0):
        spread = max(float(channel[head].std()), 1e-6)
        steps.append(abs(float(channel[inner].mean() - channel[outer].mean())) / spread)
    return float(max(steps))
