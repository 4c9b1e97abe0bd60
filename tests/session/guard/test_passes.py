from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_osuda.imaging import Grid, SliceStack, case_from_arrays
from napari_osuda.models import ModelCard
from napari_osuda.session import slice_spec
from napari_osuda.session.guard.evidence import Candidate, gathered
from napari_osuda.session.guard.figures import FIGURES
from napari_osuda.session.guard.passes import (
    WHOLE,
    distance_of,
    image_of,
    inputs_of,
    masks_in,
    masks_of,
    seen_by,
    seen_twice,
)


def run(work):
    """What a pass ends with, and how often it gave word."""
    words = 0
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value, words
        words += 1


class ByPlace(torch.nn.Module):
    """Probability of the classes 0 to 3 by place: rows 0-3, 4-7, 8-11 and 12-15; whatever is shown."""

    def __init__(self, elsewhere=0.0):
        super().__init__()
        self.elsewhere = elsewhere

    def forward(self, x):
        place = torch.arange(x.shape[-2]) // 4
        classes = torch.nn.functional.one_hot(place, 4).T[None, :, :, None].float()
        return self.elsewhere + 20 * classes.expand(len(x), -1, -1, x.shape[-1])


class ByBrightness(torch.nn.Module):
    """Foreground where the image is bright."""

    def forward(self, x):
        return torch.cat([-20 * (x - 2), 20 * (x - 2)], 1)


def card(**changes):
    return ModelCard.of(
        channels=("t1",), labels={0: "background", 1: "core", 2: "edema", 4: "enhancing"},
        size=(16, 16), step=(1, 1), minimum=(1, 1), normalisation="none",
        **{"regions": {"WT": (1, 2, 4), "TC": (1, 4), "ET": (4,)}, **changes},
    )  # fmt: skip


def stack_of(data, card):
    return SliceStack(case_from_arrays("c", {"t1": data}, Grid(data.shape, np.eye(4))), slice_spec(card))


ONES = np.ones((16, 16, 3), np.float32)


def test_each_smaller_region_is_seen_by_itself():
    seen, words = run(seen_by(ByPlace(), stack_of(ONES, card()), card(), changed=False))
    assert list(seen) == [WHOLE, "TC", "ET"]
    assert [int(seen[name].mask.sum()) for name in seen] == [count * 4 * 16 * 3 for count in (3, 2, 1)]
    assert words == 1


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_a_channel_for_the_background_is_never_foreground(activation):
    plain = card(activation=activation, regions={})
    seen, _ = run(seen_by(ByPlace(-10.0), stack_of(ONES, plain), plain, changed=False))
    assert seen[WHOLE].mask.mean() == 0.75


def binary():
    return ModelCard.of(
        channels=("t1",), labels={0: "background", 1: "bright"}, size=(16, 16), step=(1, 1), minimum=(1, 1),
        normalisation="none",
    )  # fmt: skip


def picture():
    data = np.ones((16, 16, 30), np.float32)
    data[4:8, 5:9] = 5
    return data


def test_a_network_that_goes_by_the_image_sees_the_changed_image_as_the_same():
    seen, _ = run(seen_by(ByBrightness(), stack_of(picture(), binary()), binary()))
    assert len(seen[WHOLE].changed) == 2, "an image that is not like its mirror image is not mirrored"
    for mask, places in seen[WHOLE].changed:
        assert len(places) <= 24
        np.testing.assert_array_equal(mask, seen[WHOLE].mask[places])


def test_a_symmetric_image_is_mirrored_too_and_a_network_that_goes_by_place_is_found_out():
    data = picture()
    data[8:12, 5:9] = 5
    seen, _ = run(seen_by(ByBrightness(), stack_of(data, binary()), binary()))
    assert len(seen[WHOLE].changed) == 3
    seen, _ = run(seen_by(ByPlace(), stack_of(data, card()), card()))
    moved, noisy, mirrored = (mask for mask, _ in seen["ET"].changed)
    assert not np.array_equal(moved, noisy)
    assert not np.array_equal(mirrored, noisy)


def test_one_set_of_passes_tells_what_two_do():
    torch.manual_seed(0)
    network = torch.nn.Conv2d(1, 2, 3, padding=1).eval()
    data = picture()
    data[8:12, 5:9] = 5
    data += np.random.default_rng(0).normal(0, 0.5, data.shape).astype(np.float32)
    for changes in ({}, {"window": (8, 8)}):
        alone = binary().model_copy(update=changes)
        both = alone.model_copy(update={"mirror_averaging": True})
        stack = stack_of(data, alone)
        straight, twice = run(seen_by(network, stack, alone))[0], run(seen_by(network, stack, both))[0]
        found, _ = run(seen_twice(network, stack, both, inputs_of(stack)))
        for one, other in zip((straight, twice), found, strict=True):
            np.testing.assert_allclose(one[WHOLE].p, other[WHOLE].p, atol=2e-3)
            assert len(one[WHOLE].changed) == len(other[WHOLE].changed) == 3
            for (mask, places), (again, same) in zip(one[WHOLE].changed, other[WHOLE].changed, strict=True):
                assert (mask != again).mean() < 1e-3
                np.testing.assert_array_equal(places, same)
        of_both, _ = run(masks_of(network, stack, both))
        np.testing.assert_array_equal(of_both[WHOLE][1], masks_in(twice, stack, both)[WHOLE][1])
        assert (of_both[WHOLE][0] != masks_in(twice, stack, both)[WHOLE][0]).mean() < 1e-3
        # What is averaged over both sides sees the mirrored image as it saw the image.
        mirrored, places = twice[WHOLE].changed[2]
        assert (mirrored != twice[WHOLE].mask[places]).mean() < (1e-3 if not changes else 0.1)


def test_thinned_masks_are_those_of_the_whole():
    stack = stack_of(picture(), binary())
    thinned, _ = run(masks_of(ByBrightness(), stack, binary()))
    mask, places = thinned[WHOLE]
    assert len(places) <= 24
    assert image_of(inputs_of(stack)).shape == (30, 1, 16, 16)
    np.testing.assert_array_equal(mask, image_of(inputs_of(stack))[places, 0] > 2)


def test_the_distance_is_that_of_stored_and_seen_statistics():
    data = picture()
    stack = stack_of(data, binary())
    norm = torch.nn.BatchNorm2d(1).eval()
    with torch.no_grad():
        norm.running_mean.fill_(3.0)
    mean, sd = data.mean(), data.std()
    expected = abs(3.0 / np.sqrt(1 + 1e-5) - mean / np.sqrt(sd**2 + 1e-5))
    assert distance_of(norm, stack) == pytest.approx(expected, rel=1e-4)
    assert distance_of(ByBrightness(), stack) == 0


def test_all_candidates_are_told_by_all_figures(model, case):
    stack = SliceStack(case, slice_spec(model.card))
    other = SliceStack(case, slice_spec(model.card))
    found, words = run(
        gathered(
            model.network, [Candidate("curve", model.network), Candidate("adapted", model.network)],
            [model.network], stack, other, model.card,
        )
    )  # fmt: skip
    assert list(found) == ["source", "curve", "adapted"]
    assert words > 4
    for told in found.values():
        assert set(told[WHOLE].to_dict()) == set(FIGURES)
        assert (told[WHOLE].overlap, told[WHOLE].others, told[WHOLE].mixes) == (1, 1, 1)
