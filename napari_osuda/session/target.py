"""The target domain as the method wants it: batches of slices that hold enough brain, in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from napari_osuda.imaging import Case, SliceSpec, SliceStack

__all__ = ["Target"]


class Target:
    """The slices of all cases that hold enough brain, as batches that each run through the whole head.

    Parameters
    ----------
    cases : sequence of Case
        The target domain.
    spec : SliceSpec
        How the network sees them.
    batch_size : int
        Slices a batch, at most.
    seed : int
        Order of the batches.
    minimum_head : float
        Slices with less of the head than this share of the case's largest slice take no part.

    Attributes
    ----------
    stacks : tuple of SliceStack
        One for each case.

    Notes
    -----
    Neighbouring slices look alike, and the statistics of eq. 3 move with what a batch shows. So a batch
    takes every n-th slice: each shows the head from bottom to top. Its make-up is the same in each
    round, which makes a run repeatable and its distances comparable from step to step.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        spec: SliceSpec,
        batch_size: int,
        seed: int = 0,
        minimum_head: float = 0.0,
    ) -> None:
        self.stacks = tuple(SliceStack(case, spec) for case in cases)
        places = [
            (c, int(s))
            for c, stack in enumerate(self.stacks)
            for s in np.flatnonzero(
                stack.foreground & (stack.head_sizes >= minimum_head * stack.head_sizes.max(initial=0))
            )
        ]
        count = -(-len(places) // batch_size)
        self._batches = [places[first::count] for first in range(count)]
        np.random.default_rng(seed).shuffle(self._batches)
        self._made: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Tensor]:
        for index, places in enumerate(self._batches):
            if index not in self._made:
                # Kept: normalising and resampling again would cost a tenth of each step.
                self._made[index] = torch.from_numpy(self._make(places))
            yield self._made[index]

    def _make(self, places: list[tuple[int, int]]) -> np.ndarray:
        by_case: dict[int, list[int]] = {}
        for case, index in places:
            by_case.setdefault(case, []).append(index)
        return np.concatenate([self.stacks[case].slices(indices) for case, indices in by_case.items()])

    @property
    def slices(self) -> int:
        """Slices with brain in all cases together."""
        return sum(int(stack.foreground.sum()) for stack in self.stacks)
