from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_osuda.imaging import Grid, SliceStack, case_from_arrays
from napari_osuda.models import ModelCard, decide
from napari_osuda.session.inference.case_slices import slice_spec
from napari_osuda.session.inference.prediction import predicted, returned


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


@pytest.mark.parametrize("interpolated", ["logits", "probabilities", "nearest"])
def test_what_is_interpolated_on_the_way_back_is_what_the_card_says(interpolated):
    card = ModelCard.of(
        channels=("t2",), output_channels=("background", "lesion"), size=(4, 4), field_of_view_mm=(8.0, 8.0),
        normalisation="none", interpolated=interpolated,
    )  # fmt: skip
    case = case_from_arrays("p", {"t2": np.ones((8, 8, 2), np.float32)}, Grid((8, 8, 2), np.eye(4)))
    stack = SliceStack(case, slice_spec(card))
    output = torch.zeros(1, 2, 4, 4)
    output[:, 1, 2:] = 10.0
    output[:, 0, :2] = 1.0
    p = returned(stack, np.array([0]), output, card)[0, 1, :, 4]
    low, high = (1 / (1 + np.exp(-v)) for v in (-1.0, 10.0))
    if interpolated == "nearest":
        np.testing.assert_allclose(p, [low] * 4 + [high] * 4, rtol=1e-4)
    else:
        ends = (-1.0, 10.0) if interpolated == "logits" else (low, high)
        between = ends[0] + (ends[1] - ends[0]) * 0.75
        expected = 1 / (1 + np.exp(-between)) if interpolated == "logits" else between
        assert p[4] == pytest.approx(expected, abs=1e-4)
    np.testing.assert_allclose(returned(stack, np.array([0]), output, card).sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("interpolated", ["probabilities", "logits", "nearest"])
@pytest.mark.parametrize("channels", [("background", "lesion"), ("lesion", "background")])
def test_outside_the_field_of_view_is_background_whichever_channel_that_is(channels, interpolated):
    card = ModelCard.of(
        channels=("t2",), output_channels=channels, labels={0: "background", 7: "lesion"}, size=(4, 4),
        field_of_view_mm=(8.0, 8.0), interpolated=interpolated, step=(1, 1), minimum=(1, 1),
    )  # fmt: skip
    data = np.ones((16, 16, 1), np.float32)
    data[0] = 0.5
    grid = Grid(data.shape, np.eye(4))
    stack = SliceStack(case_from_arrays("a", {"t2": data}, grid), slice_spec(card))
    output = torch.zeros(1, 2, 4, 4)
    output[:, channels.index("lesion")] = 5.0
    mask = decide(returned(stack, np.array([0]), output, card), card)
    assert (mask == 7).any()
    assert not mask[0, 0].any()
    assert not mask[0, -1].any()
