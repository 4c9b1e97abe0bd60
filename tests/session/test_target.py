from __future__ import annotations

import numpy as np
import torch

from napari_osuda.imaging import Grid, SliceSpec, case_from_arrays
from napari_osuda.session.target import Target


def cone(name="cone"):
    """A head whose slices hold 0, 1, 4, 9, 16 and 25 voxels; each slice's voxels have its number."""
    image = np.zeros((8, 8, 6), np.float32)
    for k in range(6):
        image[:k, :k, k] = k
    return case_from_arrays(name, {"t2": image}, Grid(image.shape, np.eye(4)))


def shown(target):
    return sorted(int(s.max()) for batch in target for s in batch)


def test_slices_with_little_head_take_no_part_but_are_all_segmented():
    spec = SliceSpec(normalisation="none")
    assert shown(Target([cone()], spec, 2)) == [1, 2, 3, 4, 5]
    some = Target([cone()], spec, 2, minimum_head=0.3)
    assert shown(some) == [3, 4, 5]
    assert some.slices == 5
    # Each case is measured by its own largest slice.
    assert shown(Target([cone(), cone("other")], spec, 4, minimum_head=1.0)) == [5, 5]


def test_every_batch_runs_through_the_whole_head_in_the_same_way_each_time():
    target = Target([cone()], SliceSpec(normalisation="none"), 2, seed=3)
    first, second = list(target), list(target)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert len(target) == 3
    assert all(len(batch) <= 2 for batch in first)
    assert first[0].shape[1:] == (1, 8, 8)
