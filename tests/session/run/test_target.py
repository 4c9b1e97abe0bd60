from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.imaging import Grid, SliceSpec, case_from_arrays
from napari_osuda.models import ModelCard
from napari_osuda.session.run.target import Target

CARD = ModelCard.of(channels=("t2",), output_channels=("background", "lesion"))


def cone(name="cone"):
    """A head whose slices hold 0, 1, 4, 9, 16 and 25 voxels; each slice's voxels have its number."""
    image = np.zeros((8, 8, 6), np.float32)
    for k in range(6):
        image[:k, :k, k] = k
    return case_from_arrays(name, {"t2": image}, Grid(image.shape, np.eye(4)))


def shown(target):
    return sorted(int(s.max()) for batch in target for s in batch)


def test_slices_with_little_head_take_no_part_but_are_all_segmented():
    spec = SliceSpec(normalization="none")
    assert shown(Target([cone()], spec, 2)) == [1, 2, 3, 4, 5]
    some = Target([cone()], spec, 2, minimum_head=0.3)
    assert shown(some) == [3, 4, 5]
    assert some.parts(CARD) == 5
    # Each case is measured by its own largest slice.
    assert shown(Target([cone(), cone("other")], spec, 4, minimum_head=1.0)) == [5, 5]


def test_every_batch_runs_through_the_whole_head_in_the_same_way_each_time():
    target = Target([cone()], SliceSpec(normalization="none"), 2, seed=3)
    first, second = list(target), list(target)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert len(target) == 3
    assert all(len(batch) <= 2 for batch in first)
    assert first[0].shape[1:] == (1, 8, 8)


def numbered(slices, name="many"):
    """A head whose slices are of the numbers 1, 2, ..."""
    image = np.ones((4, 4, slices), np.float32) * np.arange(1, slices + 1, dtype=np.float32)
    return case_from_arrays(name, {"t2": image}, Grid(image.shape, np.eye(4)))


@given(
    slices=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    most=st.integers(1, 20), batch=st.integers(1, 8), seed=st.integers(0, 3),
)  # fmt: skip
def test_a_part_of_a_target_is_evenly_spaced_and_no_more_than_is_asked_for(slices, most, batch, seed):
    cases = [numbered(n, f"case{k}") for k, n in enumerate(slices)]
    target = Target(cases, SliceSpec(normalization="none"), batch, seed)
    part = target.part(most)
    whole = torch.cat(list(target))
    if sum(slices) <= most * len(cases):
        assert part is target
        return
    # The target's own slices, each once and the same each time; of each case at least one.
    assert set(part.slices) <= set(target.slices)
    assert len(set(part.slices)) == len(part.slices)
    assert torch.equal(torch.cat(list(part)), torch.cat(list(part)))
    for one, image in zip(part.slices, torch.cat(list(part)), strict=True):
        assert torch.equal(image, whole[target.slices.index(one)])
    assert len(part) == len(list(part))
    assert all(1 <= len(b) <= target.batch_size for b in part)
    for case, stack in enumerate(target.stacks):
        own = [index for c, index in part.slices if c == case]
        assert 1 <= len(own) <= most
        assert len(set(np.diff(own))) <= 1
        if slices[case] > most:
            # Those that stand for the case elsewhere.
            assert own == np.flatnonzero(stack.thinned(most).foreground).tolist()


def test_all_of_a_target_is_its_part_without_a_limit():
    target = Target([numbered(30)], SliceSpec(normalization="none"), 4)
    assert target.part(None) is target
    assert target.part(30) is target
    assert len(target.part(16)) == 4


def test_of_many_cases_no_more_are_taken_than_of_eight():
    target = Target([numbered(8, f"case{k}") for k in range(20)], SliceSpec(normalization="none"), 16)
    part = target.part(5)
    # 40 in all are 2 a case.
    assert [case for case, _ in part.slices] == [case for case in range(20) for _ in range(2)]
    assert len(target.part(1).slices) == 20


def ball(name="ball", shape=(20, 22, 24), spacing=1.0):
    """A ball of a head in air, whose voxels are numbered."""
    grid = np.meshgrid(*(np.linspace(-1.2, 1.2, n) for n in shape), indexing="ij")
    inside = sum(g**2 for g in grid) < 1
    image = np.where(inside, np.arange(inside.size).reshape(shape), 0).astype(np.float32)
    return case_from_arrays(name, {"t2": image}, Grid(shape, np.diag([spacing] * 3 + [1.0])))


VOLUME = SliceSpec("volume", size=(8, 8, 8), normalization="none")


def test_patches_show_the_whole_head_of_each_case_in_batches_of_the_same_make_up():
    cases = [ball(), ball("other", (18, 18, 18))]
    target = Target(cases, VOLUME, 5, seed=1)
    assert len(target) > 4
    batches = list(target)
    assert all(batch.shape[1:] == (1, 8, 8, 8) and len(batch) <= 5 for batch in batches)
    assert all((batch != 0).flatten(1).any(dim=1).all() for batch in batches)
    seen = set(torch.cat(batches).flatten().tolist())
    assert seen >= set(cases[0].data.ravel().tolist())
    assert all(torch.equal(a, b) for a, b in zip(batches, target, strict=True))
    again = Target(cases, VOLUME, 5, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(batches, again, strict=True))
    other = Target(cases, VOLUME, 5, seed=2)
    assert [b.sum() for b in other] != [b.sum() for b in batches]


def test_patches_with_little_head_take_no_part():
    sizes = [int((patch != 0).sum()) for batch in Target([ball()], VOLUME, 4) for patch in batch]
    some = Target([ball()], VOLUME, 4, minimum_head=0.5)
    kept = [int((patch != 0).sum()) for batch in some for patch in batch]
    assert sorted(kept) == sorted(n for n in sizes if n >= 0.5 * max(sizes))
    assert len(kept) < len(sizes)


def test_patches_of_cases_that_are_smaller_come_in_batches_of_their_own():
    spec = SliceSpec("volume", step=(4, 4, 4), normalization="none")
    target = Target([ball(), ball("small", (10, 10, 10))], spec, 4)
    assert sorted(tuple(batch.shape) for batch in target) == [(1, 1, 12, 12, 12), (1, 1, 20, 24, 24)]
    assert target.parts(CARD) == 2
