"""Turned contrasts: an intensity map chosen before the loop, for images whose bright is the network's dark.

From T2 to T1 the tumour turns from bright to dark, and no shift and scale of statistics follows that. The
map is chosen without labels and without source data: whether to turn, by the physics of the two contrasts
where their names are known; how much to compress, by how well the network's own BN statistics are met.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_osuda.imaging import Case, SliceSpec, SliceStack, modality_of
from napari_osuda.method import AdaptationConfig, adapt

__all__ = ["MAPS", "IntensityMap", "MappedStack", "choose_map", "expected_turn", "mean_distance"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class IntensityMap:
    """A map of normalised intensities (mean 0, standard deviation 1 over the head): v to s k tanh(v / k).

    Attributes
    ----------
    name : str
    turn : bool
        s = -1: bright becomes dark.
    knee : float
        k, where compression sets in, in standard deviations; infinite: none.
    """

    name: str
    turn: bool = False
    knee: float = float("inf")

    def __call__(self, values: Floats) -> Floats:
        """Map intensities of any shape; float32 in, float32 out. 0, which air is, stays 0."""
        mapped = values if np.isinf(self.knee) else np.float32(self.knee) * np.tanh(values / self.knee)
        result: Floats = np.asarray(-mapped if self.turn else mapped, dtype=np.float32)
        return result


MAPS: tuple[IntensityMap, ...] = (
    IntensityMap("as it is"),
    IntensityMap("compressed", knee=1.5),
    IntensityMap("turned", turn=True),
    IntensityMap("turned and compressed", turn=True, knee=1.5),
)

# Whether what is full of water (oedema, tumour) is brighter (+) or darker (-) than the brain around it.
_WATER = {"t1": -1, "t1ce": -1, "t2": 1, "flair": 1, "pd": 1, "t2star": 1, "dwi": 1, "adc": 1}


def expected_turn(channel: str, image: str) -> bool | None:
    """Whether physics expects an image to have the opposite contrast of a network's channel.

    Parameters
    ----------
    channel : str
        Name of the channel on the model's card.
    image : str
        Name of the file or layer that it is handed.

    Returns
    -------
    bool or None
        None where one of the names says nothing.
    """
    wanted, given = _WATER.get(modality_of(channel) or ""), _WATER.get(modality_of(image) or "")
    return None if wanted is None or given is None else wanted != given


class MappedStack(SliceStack):
    """A `SliceStack` whose channels go through intensity maps after normalisation."""

    def __init__(self, case: Case, spec: SliceSpec, maps: Sequence[IntensityMap]) -> None:
        super().__init__(case, spec)
        self.maps = tuple(maps)

    def slices(self, indices: Sequence[int] | NDArray[np.integer]) -> Floats:
        """As of `SliceStack`, mapped."""
        result = super().slices(indices)
        for place, chosen in enumerate(self.maps):
            result[:, place] = chosen(result[:, place])
        return result


def mean_distance(network: nn.Module, batches: Sequence[Tensor]) -> float:
    """Mean of eq. 5's d_lc between what a network stored and what it meets in a target.

    Parameters
    ----------
    network : nn.Module
    batches : sequence of Tensor, each [B, C, H, W]
    """
    config = AdaptationConfig(iterations=len(batches), eta0=0.0, entropy=False, lambda0=0.0)
    return float(np.mean([report.distance.mean() for report in adapt(network, list(batches), config)]))


def choose_map(
    network: nn.Module,
    case: Case,
    spec: SliceSpec,
    channel: int,
    image: str | None = None,
    maps: Sequence[IntensityMap] = MAPS,
    every: int = 3,
) -> tuple[IntensityMap, Mapping[str, float]]:
    """Choose the map of one channel.

    Parameters
    ----------
    network : nn.Module
        The source model's, in eval mode.
    case : Case
    spec : SliceSpec
    channel : int
        Which of the case's channels; the others stay as they are.
    image : str, optional
        Name of the file or layer behind the channel; by default the file's. Where it tells the contrast,
        physics decides whether the image is turned. Where it does not, it is not turned: mean d alone picks
        the wrong polarity too often.
    maps : sequence of IntensityMap
    every : int
        Of the slices with brain, so many are looked at.

    Returns
    -------
    IntensityMap, and the mean distance of each map by its name
        The one of least distance among those of the expected polarity.
    """
    path = case.sources[channel].path
    name = image if image is not None else "" if path is None else path.name
    turn = bool(expected_turn(case.channels[channel], name))
    stack = SliceStack(case, spec)
    x = stack.slices(np.flatnonzero(stack.foreground)[::every])
    found: dict[str, float] = {}
    for candidate in maps:
        mapped = x.copy()
        mapped[:, channel] = candidate(mapped[:, channel])
        found[candidate.name] = mean_distance(network, [torch.from_numpy(mapped)])
    allowed = [candidate for candidate in maps if candidate.turn == turn]
    return min(allowed, key=lambda candidate: found[candidate.name]), found
