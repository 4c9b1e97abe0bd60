"""The target domain as the method wants it: slices or patches with enough of the head, in batches."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_osuda.imaging import Case, IntensityMap, SliceSpec, SliceStack
from napari_osuda.imaging.patches import covering_patches, head_sizes
from napari_osuda.models import ModelCard
from napari_osuda.session.inference.case_slices import parts, slice_spec
from napari_osuda.session.inference.sliding_window import patches_a_batch
from napari_osuda.session.job import Job

__all__ = ["Target", "TargetPart", "target_of"]

# So many slices or patches, taken from all over the head, show about what the whole of it does.
_WHOLE_HEAD = 8
# Cases of as many slices as are wanted of one that tell what many do.
_CASES = 8


class Target:
    """The slices (of a 3-D network the patches) of all cases that hold enough of the head, in batches.

    Parameters
    ----------
    cases : sequence of Case
        The target domain.
    spec : SliceSpec
        How the network sees them.
    batch_size : int
        Slices a batch, at most; of patches fewer where memory would not do.
    seed : int
        Order of the batches.
    minimum_head : float
        Slices and patches with less of the head than this share of the case's largest take no part.

    Attributes
    ----------
    stacks : tuple of SliceStack
        One for each case.
    batch_size : int
        Slices or patches a batch, at most.

    Notes
    -----
    Neighboring slices look alike, and the statistics of eq. 3 move with what a batch shows. So a batch
    takes every n-th slice: each shows the head from bottom to top. Its make-up is the same in each
    round, which makes a run repeatable and its distances comparable from step to step. The same holds of
    patches: they cover each case's head, and those of a batch lie far apart.
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
        self._patches: dict[int, NDArray[np.float32]] = {}
        self._least = minimum_head
        self.batch_size = batch_size
        if spec.patch is not None:
            largest = max((stack.patch or spec.patch for stack in self.stacks), key=np.prod)
            self.batch_size = patches_a_batch(largest, batch_size)
        slices = [(c, int(s)) for c, chosen in enumerate(self._chosen) for s in chosen]
        count = -(-len(slices) // self.batch_size)
        self._batches = [slices[first::count] for first in range(count)]
        if spec.patch is not None:
            # Patches of two cases need not be of one size.
            self._batches = [part for batch in self._batches for part in self._of_one_size(batch)]
        # Where each batch stands among those that begin one slice after the other.
        self._ranks = list(range(len(self._batches)))
        np.random.default_rng(seed).shuffle(self._ranks)
        self._batches = [self._batches[rank] for rank in self._ranks]
        self._made: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Tensor]:
        return map(self.batch, range(len(self)))

    def batch(self, index: int) -> Tensor:
        """One of its batches, float32 [B, C, h, w] or [B, C, d, h, w]."""
        if index not in self._made:
            # Kept: normalizing and resampling again would cost a tenth of each step.
            self._made[index] = torch.from_numpy(self._make(self._batches[index]))
        return self._made[index]

    def part(self, slices: int | None) -> Target | TargetPart:
        """Its slices, ``slices`` of a case at most and evenly spaced; all of them with None.

        Of many cases eight times as many in all, if they come to more: no case decides by itself then.
        They are among those that stand for a case elsewhere (`SliceStack.thinned`). Of patches some batches
        are taken: each shows the heads from bottom to top.
        """
        total = sum(map(len, self._batches))
        if slices is None:
            return self
        slices = max(1, min(slices, _CASES * slices // len(self.stacks)))
        if total <= slices * len(self.stacks):
            return self
        if any(stack.patch is not None for stack in self.stacks):
            step = min(-(-total // (slices * len(self.stacks))), len(self))
            batches = [b for b, r in zip(self._batches, self._ranks, strict=True) if r % step == step // 2]
            return TargetPart(self, batches)
        chosen: list[tuple[int, int]] = []
        for case, (stack, own) in enumerate(zip(self.stacks, self._chosen, strict=True)):
            standing = own[stack.thinned(slices).foreground[own]] if len(own) > slices else own
            # So few that none has enough of the head: the middle one.
            few = standing if len(standing) else own[len(own) // 2 :][:1]
            chosen += [(case, int(index)) for index in few]
        size = self.batch_size
        return TargetPart(self, [chosen[first : first + size] for first in range(0, len(chosen), size)])

    @property
    def slices(self) -> list[tuple[int, int]]:
        """Case and number of each slice (or patch), in the order of the batches."""
        return [one for batch in self._batches for one in batch]

    def images(self, slices: Sequence[tuple[int, int]]) -> Tensor:
        """Some of its slices, by case and number: float32 [B, C, h, w], or patches [B, C, d, h, w]."""
        first, _ = self._places[slices[0]]
        if self._batches[first] == slices:
            return self.batch(first)
        return torch.stack(
            [self.batch(batch)[place] for batch, place in map(self._places.__getitem__, slices)]
        )

    def _make(self, slices: list[tuple[int, int]]) -> np.ndarray:
        by_case: dict[int, list[int]] = {}
        for case, index in slices:
            by_case.setdefault(case, []).append(index)
        return np.concatenate([self._images(case, indices) for case, indices in by_case.items()])

    def _images(self, case: int, indices: list[int]) -> NDArray[np.float32]:
        stack = self.stacks[case]
        if stack.patch is None:
            return stack.slices(indices)
        if case not in self._patches:
            # All of a case at once: its whole volume is resampled for the first of them.
            volume, chosen = stack.slices([0])[0], self._chosen[case]
            self._patches[case] = np.stack([
                volume[(slice(None), *(slice(s, s + n) for s, n in zip(start, stack.patch, strict=True)))]
                for start in self._corners[case][chosen]
            ])  # fmt: skip
        # They stand there in the order of the chosen.
        return self._patches[case][np.searchsorted(self._chosen[case], indices)]

    def _of_one_size(self, batch: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
        by_size: dict[tuple[int, ...] | None, list[tuple[int, int]]] = {}
        for case, index in batch:
            by_size.setdefault(self.stacks[case].patch, []).append((case, index))
        return list(by_size.values())

    @cached_property
    def _places(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Batch, and place in it, of each slice."""
        return {one: (b, p) for b, batch in enumerate(self._batches) for p, one in enumerate(batch)}

    @cached_property
    def _corners(self) -> tuple[NDArray[np.intp], ...]:
        """First voxels of the patches that cover the head of each case."""
        return tuple(
            covering_patches(stack.head, stack.patch) for stack in self.stacks if stack.patch is not None
        )

    @cached_property
    def _chosen(self) -> tuple[NDArray[np.intp], ...]:
        """The slices or patches of each case that take part, in order."""
        chosen = []
        for index, stack in enumerate(self.stacks):
            sizes = stack.head_sizes
            if stack.patch is not None:
                sizes = head_sizes(stack.head, self._corners[index], stack.patch)
            enough = (sizes > 0) & (sizes >= self._least * sizes.max(initial=0))
            chosen.append(np.flatnonzero(enough))
        return tuple(chosen)

    @cached_property
    def heads(self) -> tuple[float, ...]:
        """Share of the image that is head, of each batch; above 0."""
        return tuple(
            float(np.mean([self._head_share(case, index) for case, index in batch])) or 1.0
            for batch in self._batches
        )

    def _head_share(self, case: int, index: int) -> float:
        stack = self.stacks[case]
        if stack.patch is None:
            return float(stack.heads([index]).mean())
        corner = self._corners[case][index]
        part = tuple(slice(s, s + n) for s, n in zip(corner, stack.patch, strict=True))
        return float(stack.head[part].mean())

    @property
    def alike(self) -> bool:
        """Whether each batch shows the whole head, and so about the same."""
        return min(map(len, self._batches)) >= _WHOLE_HEAD or len(self._batches) == 1

    def parts(self, card: ModelCard) -> int:
        """Slices with head in all cases together, or windows of all volumes."""
        return sum(parts(stack, card) for stack in self.stacks)


@dataclasses.dataclass(frozen=True, eq=False)
class TargetPart:
    """Some slices of a target, in batches of their own."""

    target: Target
    batches: list[list[tuple[int, int]]]

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Tensor]:
        return map(self.target.images, self.batches)

    @property
    def slices(self) -> list[tuple[int, int]]:
        """Case and number of each, in the order of the batches."""
        return [one for batch in self.batches for one in batch]


def target_of(job: Job, maps: Sequence[IntensityMap] | None, batch_size: int | None = None) -> Target:
    """The target of a job as a network sees it behind intensity maps, one a channel (None: as it is)."""
    spec, config = slice_spec(job.model.card), job.config
    if maps is not None:
        spec = dataclasses.replace(spec, intensity_maps=tuple(maps))
    return Target(job.cases, spec, batch_size or config.batch_size, config.seed, config.minimum_head)
