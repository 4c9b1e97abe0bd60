from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from napari_osuda.imaging import Grid, SliceStack, case_from_arrays
from napari_osuda.models import ModelCard
from napari_osuda.session.inference.case_slices import slice_spec
from napari_osuda.session.inference.prediction import predicted
from napari_osuda.session.inference.second_look import Rotated, not_found_again, pieces_in


def boxes(*corners, shape=(5, 16, 16)):
    """Boxes of 2 x 4 x 4 voxels, the first one twice as wide."""
    mask = np.zeros(shape, np.uint8)
    for place, (k, i, j) in enumerate(corners):
        mask[k : k + 2, i : i + 4, j : j + (8 if place == 0 else 4)] = 1
    return mask


def test_a_piece_that_is_not_found_again_goes():
    mask = boxes((0, 0, 0), (3, 10, 10))
    again = boxes((0, 0, 0)) * 0.9
    removed = not_found_again(mask, again)
    np.testing.assert_array_equal(removed, boxes((0, 0, 0)) != mask)
    assert pieces_in(mask) == 2
    # A label of its own, or several in one piece, are the same to it.
    np.testing.assert_array_equal(not_found_again(mask * 2, again), removed)


def test_no_label_goes_altogether():
    mask = boxes((0, 0, 0), (3, 10, 10))
    mask[3:] *= 2
    again = boxes((0, 0, 0)) * 0.9
    assert not not_found_again(mask, again).any()
    # Where it is elsewhere as well, a piece of it goes.
    mask[0, 0, 0] = 2
    assert not_found_again(mask, again).any()


def test_of_a_volume_as_of_slices():
    mask, again = boxes((0, 0, 0), (3, 10, 10)), boxes((0, 0, 0)) * 0.9
    np.testing.assert_array_equal(not_found_again(mask[None], again[None])[0], not_found_again(mask, again))


def test_where_most_is_not_found_again_all_stays():
    mask = boxes((0, 0, 0), (3, 10, 10))
    # The small one alone is found: the network does not know rotated images.
    small_alone = (mask != boxes((0, 0, 0))) * 1.0
    assert not not_found_again(mask, small_alone).any()
    assert not not_found_again(mask, np.zeros(mask.shape)).any()
    assert not not_found_again(np.zeros_like(mask), np.zeros(mask.shape)).any()


@given(st.integers(0, 2**31), st.floats(0, 1))
def test_the_largest_piece_stays_and_at_least_half_of_what_is_marked(seed, level):
    random = np.random.default_rng(seed)
    mask = (random.random((4, 12, 12)) > 0.85).astype(np.uint8)
    again = np.clip(random.random(mask.shape) + level - 0.5, 0, 1)
    removed = not_found_again(mask, again)
    assert not (removed & (mask == 0)).any()
    assert removed.sum() <= mask.sum() / 2
    if mask.any():
        assert (mask * ~removed).any()


def test_what_is_rotated_there_and_back_lies_where_it_lay():
    torch.manual_seed(0)
    network = nn.Conv2d(1, 2, 1)
    x = torch.randn(2, 1, 6, 8)
    torch.testing.assert_close(Rotated(network)(x), network(x))


class _BrightOrLeft(nn.Module):
    """Marks what is bright, and in the left columns what is half as bright as well."""

    def forward(self, x):
        left = (torch.arange(x.shape[-1]) < 8).to(x)
        marked = (x > 0.9) | ((x > 0.4) & (left > 0))
        return torch.cat([~marked, marked], dim=1).float() * 10


def _case():
    image = np.zeros((16, 16, 6), np.float32)
    image[8:14, 9:14, 1:5] = 1.0  # bright: known anywhere
    image[2:4, 2:4, 2:4] = 0.5  # marked for where it lies
    image[..., 0] = 0.01
    return case_from_arrays("someone", {"T2": image}, Grid((16, 16, 6), np.eye(4)))


def test_a_mask_by_a_card_with_a_second_look_keeps_what_is_bright_alone():
    case = _case()
    card = ModelCard.of(
        channels=("T2",), labels={0: "background", 1: "lesion"}, plane="axial", orientation="RAS",
        spatial_dims=2, normalisation="none",
    )  # fmt: skip
    masks, told = {}, {}
    for looks in (False, True):
        with_look = card.model_copy(update={"second_look": looks})
        stack = SliceStack(case, slice_spec(with_look))
        *told[looks], masks[looks] = predicted(_BrightOrLeft().eval(), stack, with_look)
    bright = case.data[0] > 0.9
    np.testing.assert_array_equal(masks[True] > 0, bright)
    assert (masks[False] > 0).sum() > bright.sum()
    for parts in told.values():
        assert [done for done, _ in parts] == sorted(done for done, _ in parts)
        assert parts[-1][0] == parts[-1][1]
