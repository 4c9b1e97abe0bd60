"""Label-free figures of a mask: what can be said of it without a reference and without knowing the organ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_osuda.evaluation import coherence, dice, largest_piece

__all__ = ["FIGURES", "Evidence", "Figures", "Seen", "figures_of"]

Mask = NDArray[np.bool_]
Probability = NDArray[np.floating]
# Pixels around a mask that it is to be told apart from.
_AROUND = 5
# So few pixels more or less change no ratio of sizes.
_FEW = 10


@dataclass(frozen=True)
class Figures:
    """Figures of one region of a candidate's mask, on the network's own grid.

    Attributes
    ----------
    share : float
        Marked share of the image.
    overlap : float
        Dice with the source model's mask.
    source_confidence : float
        Soft Dice between the mask and the probability of the *source* network on the original image: 2 sum
        p m / (sum p + sum m). A network that was trained on entropy is sure of whatever it says; the source
        network was not.
    seen_confidence : float
        The same, of the source network on the image as the candidate sees it, through an intensity map.
    own_confidence : float
        The same, of the candidate's own network.
    mixes : float
        Mean Dice with the masks of the source network under mixes of source and target statistics.
    others : float
        Mean Dice with the other candidates' masks.
    steady : float
        Mean Dice with the candidate's masks of the image moved by a few pixels, with a little noise, and,
        where the image is like its mirror image, mirrored.
    coherence : float
        Dice of the mask with itself one slice further: a 2-D network does not know its neighbors.
    largest : float
        Share of the mask in its largest piece.
    separation : float
        Share of the image's variance in and around the mask that the mask explains (Otsu's criterion; IEEE
        Trans. Syst. Man Cybern. 9, 1979), in the channel where it is largest.
    border : float
        Difference of the means just inside and just outside of the mask over their standard deviation, in
        the channel where it is largest.
    growth : float
        Logarithm of the mask's size over that of the source model's.
    mix_growth : float
        Logarithm of the mask's size over the median size of the masks of the mixes.
    distance : float
        Logarithm of the mean distance (eq. 5) between the statistics that the source network stored and
        those of the image as the candidate sees it.
    """

    share: float
    overlap: float
    source_confidence: float
    seen_confidence: float
    own_confidence: float
    mixes: float
    others: float
    steady: float
    coherence: float
    largest: float
    separation: float
    border: float
    growth: float
    mix_growth: float
    distance: float

    def to_dict(self) -> dict[str, float]:
        """By name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


FIGURES = tuple(f.name for f in fields(Figures))
"""Their names, in order."""
Evidence = Mapping[str, Figures]
"""Of all labels together first, and of each smaller region."""


@dataclass(frozen=True)
class Seen:
    """What a network makes of one region of a case, in successive slices of its own grid.

    Attributes
    ----------
    p : float array [S, h, w]
        Probability. Of a volume [D, h, w].
    changed : tuple of (bool array [T, h, w], index array [T])
        The masks of the changed image, changed back, and which slices those are.
    """

    p: Probability
    changed: tuple[tuple[Mask, NDArray[np.intp]], ...] = ()

    @property
    def mask(self) -> Mask:
        """Where the region is more likely than not."""
        return np.asarray(self.p > 0.5)


def figures_of(
    seen: Seen,
    source: Seen,
    image: NDArray[np.floating],
    mixes: Sequence[tuple[Mask, NDArray[np.intp]]],
    others: Sequence[Mask],
    distance: float,
    source_on_seen: Probability | None = None,
) -> Figures:
    """The figures of a candidate's mask of one region.

    Parameters
    ----------
    seen, source : Seen
        What the candidate's and the source network make of it.
    image : float array [S, C, h, w]
        The original image on the network's grid.
    mixes : sequence of (bool array [T, h, w], index array [T])
        Masks of the source network under mixes of statistics, and which slices those are.
    others : sequence of bool array [S, h, w]
        The other candidates' masks.
    distance : float
        Mean distance of eq. 5, of the source network to the image as the candidate sees it.
    source_on_seen : float array [S, h, w], optional
        Probability of the source network on that image, where it is another than the original.
    """
    mask, before = seen.mask, source.mask
    size = int(mask.sum())
    chosen = [int(mix.sum()) * len(mask) / max(len(indices), 1) for mix, indices in mixes]
    return Figures(
        share=size / mask.size,
        overlap=dice(mask, before),
        source_confidence=_soft_dice(source.p, mask),
        seen_confidence=_soft_dice(source.p if source_on_seen is None else source_on_seen, mask),
        own_confidence=_soft_dice(seen.p, mask),
        mixes=_mean([dice(mask[indices], mix) for mix, indices in mixes]),
        others=_mean([dice(mask, other) for other in others]),
        steady=_mean([dice(mask[indices], changed) for changed, indices in seen.changed]),
        coherence=coherence(mask),
        largest=largest_piece(mask),
        separation=_separation(mask, image),
        border=_border(mask, image),
        growth=_growth(size, int(before.sum())),
        mix_growth=_growth(size, float(np.median(chosen)) if chosen else size),
        distance=math.log(max(distance, 1e-3)),
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 1.0


def _growth(size: float, other: float) -> float:
    return math.log((size + _FEW) / (other + _FEW))


def _soft_dice(p: Probability, mask: Mask) -> float:
    total = float(p.sum(dtype=np.float64)) + int(mask.sum())
    return 2 * float(p[mask].sum(dtype=np.float64)) / total if total > 1e-6 else 1.0


_WITHIN = np.ones((1, 3, 3), bool)


def _near(mask: Mask) -> tuple[slice, ...]:
    """The slices and pixels with all that is marked and what is compared with it: the rest tells nothing."""
    box = []
    for axis in range(mask.ndim):
        marked = np.flatnonzero(mask.any(axis=tuple(i for i in range(mask.ndim) if i != axis)))
        margin = _AROUND + 1 if axis else 0
        box.append(slice(max(int(marked[0]) - margin, 0), int(marked[-1]) + margin + 1))
    return tuple(box)


def _separation(mask: Mask, image: NDArray[np.floating]) -> float:
    if not mask.any() or mask.all():
        return 0.0
    box = _near(mask)
    mask = mask[box]
    near = ndimage.binary_dilation(mask, _WITHIN, iterations=_AROUND)
    inside = mask[near]
    share = float(inside.mean())
    if share == 1.0:
        return 0.0
    found = []
    for channel in np.moveaxis(image, 1, 0):
        values = channel[box][near].astype(np.float64)
        between = share * (1 - share) * (values[inside].mean() - values[~inside].mean()) ** 2
        found.append(float(between / max(values.var(), 1e-9)))
    return max(found)


def _border(mask: Mask, image: NDArray[np.floating]) -> float:
    if not mask.any():
        return 0.0
    box = _near(mask)
    mask = mask[box]
    inner = mask & ~ndimage.binary_erosion(mask, _WITHIN, iterations=2)
    outer = ndimage.binary_dilation(mask, _WITHIN, iterations=3) & ~ndimage.binary_dilation(mask, _WITHIN)
    if not inner.any() or not outer.any():
        return 0.0
    found = []
    for channel in np.moveaxis(image, 1, 0):
        values = channel[box].astype(np.float32)
        step = abs(float(values[inner].mean() - values[outer].mean()))
        found.append(step / max(float(values[inner | outer].std()), 1e-6))
    return max(found)
