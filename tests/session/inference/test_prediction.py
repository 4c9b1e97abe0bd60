from __future__ import annotations

import numpy as np

from napari_osuda.imaging import SliceStack
from napari_osuda.session.inference.case_slices import slice_spec
from napari_osuda.session.inference.prediction import predicted


def all_of(model, case, **how):
    *progress, mask = predicted(
        model.network.eval(), SliceStack(case, slice_spec(model.card)), model.card, **how
    )
    return progress, mask


def test_progress_counts_slices_and_the_mask_comes_last(model, case):
    progress, mask = all_of(model, case, batch_size=3)
    assert progress == [(3, 7), (6, 7), (7, 7)]
    assert mask.shape == case.grid.shape
    assert mask.dtype == np.uint8
    assert set(np.unique(mask)) <= set(model.card.labels)


def test_the_mask_does_not_depend_on_the_batches(model, case):
    masks = [all_of(model, case, batch_size=size)[1] for size in (1, 4, 16)]
    for mask in masks[1:]:
        assert np.mean(mask != masks[0]) < 1e-3


def test_slices_without_brain_hold_no_label(model, case):
    _, mask = all_of(model, case)
    assert not mask[..., 0].any()
    assert not mask[..., -1].any()


def test_who_watches_sees_probabilities_in_the_cases_own_voxels(model, case):
    seen = {}

    def watch(chosen, p):
        assert p.shape[1:] == (2, *case.grid.shape[:2])
        np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-4)
        # What is handed over holds only for the call.
        seen.update(zip(chosen.tolist(), p.copy(), strict=True))

    _, mask = all_of(model, case, watch=watch)
    assert sorted(seen) == list(range(1, 8))
    # In the network's axes: the stack puts them back as it does the mask.
    stack = SliceStack(case, slice_spec(model.card))
    larger = stack.assemble({index: (p[1] > p[0]).astype(np.uint8) for index, p in seen.items()})
    np.testing.assert_array_equal(mask == 3, larger == 1)
