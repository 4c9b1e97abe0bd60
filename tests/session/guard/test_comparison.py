from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_osuda.imaging import Grid, case_from_arrays
from napari_osuda.models import ModelCard
from napari_osuda.session.guard.comparison import compared, one_sided, separation
from napari_osuda.session.guard.signals import WHOLE, Signals

SHAPE = (60, 50, 20)
AFFINE = np.diag([-2.0, 2.0, 3.0, 1.0])


def ball(center, radius):
    grid = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1) * [2.0, 2.0, 3.0]
    return ((grid - np.multiply(center, [2.0, 2.0, 3.0])) ** 2).sum(-1) < radius**2


def head(middle=29.5, axis=0, **lesions):
    """A head with two dark ventricles, its middle at an index along the first axis, and bright lesions."""
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1)
    inside = (((grid - [middle, 24.5, 9.5]) / [26, 22, 10.5]) ** 2).sum(-1) < 1
    image = np.where(inside, 100 + rng.normal(0, 5, SHAPE), 0)
    for side in (-7, 7):
        image[ball((middle + side, 24, 10), 10) & inside] -= 40
    for center, radius in lesions.values():
        image[ball(center, radius) & inside] += 50
    return np.moveaxis(image, 0, axis).astype(np.float32)


def case_of(*images, affine=AFFINE):
    return case_from_arrays("c", {f"c{n}": i for n, i in enumerate(images)}, Grid(images[0].shape, affine))


LESION = ((44, 24, 10), 12.0)


@pytest.mark.parametrize("middle", [28.0, 29.5, 32.0])
def test_a_lesion_differs_from_the_other_side_wherever_the_middle_of_the_head_lies(middle):
    image = head(middle, one=LESION)
    spread = image[image != 0].std()
    # Where little of the lesion is marked, that little differs as much.
    for marked in (ball(*LESION), ball(LESION[0], 5.0)):
        assert one_sided(case_of(image), marked) == pytest.approx(50 / spread, rel=0.05)


def test_the_two_sides_are_left_and_right_whatever_the_order_of_the_axes():
    straight = one_sided(case_of(head(one=LESION)), ball(*LESION))
    turned = case_of(np.moveaxis(head(one=LESION), 0, 1), affine=AFFINE[:, [1, 0, 2, 3]])
    assert one_sided(turned, np.moveaxis(ball(*LESION), 0, 1)) == pytest.approx(straight, rel=1e-5)


def test_what_both_sides_have_differs_by_little_and_what_is_not_there_by_nothing():
    case = case_of(head(one=LESION))
    ventricles = ball((22.5, 24, 10), 10.0) | ball((36.5, 24, 10), 10.0)
    assert one_sided(case, ventricles) < 0.2 * one_sided(case, ball(*LESION))
    assert one_sided(case, np.zeros(SHAPE, bool)) == 0
    assert one_sided(case_of(np.full(SHAPE, 7.0, np.float32)), ventricles) == 0


def test_the_contrast_that_shows_it_best_counts():
    plain, shows, lesion = head(), head(one=LESION), ball(*LESION)
    alone = one_sided(case_of(shows), lesion)
    for images in ((plain, shows), (shows, plain)):
        assert one_sided(case_of(*images), lesion) == pytest.approx(alone, rel=0.1)


def test_a_mask_explains_most_where_it_is_the_lesion():
    case, lesion = case_of(head(one=LESION)), ball(*LESION)
    within = ndimage.generate_binary_structure(3, 1)
    for spoilt in (
        ndimage.binary_dilation(lesion, within, iterations=2),
        ndimage.binary_erosion(lesion, within, iterations=2),
        np.roll(lesion, 3, 1),
    ):
        good, bad = separation(case, lesion, spoilt)
        assert good > bad + 0.05
        assert separation(case, spoilt, lesion) == (bad, good)


def test_separation_is_between_class_over_total_variance():
    rng = np.random.default_rng(1)
    images = rng.normal(100, 20, (2, 8, 8, 4)).astype(np.float32)
    mask = rng.random((8, 8, 4)) < 0.3
    # 10 mm reach over all of it.
    found, nothing = separation(case_of(*images, affine=np.eye(4)), mask, np.zeros_like(mask))
    expected = []
    for image in images.astype(np.float64):
        classes = [image[mask], image[~mask]]
        between = sum(len(c) * (c.mean() - image.mean()) ** 2 for c in classes) / image.size
        expected.append(between / image.var())
    assert found == pytest.approx(np.mean(expected))
    assert nothing == 0


@given(st.integers(0, 2**32 - 1))
def test_separation_is_a_share(seed):
    rng = np.random.default_rng(seed)
    image = rng.choice([0.0, 1.0, 5.0], (6, 5, 4)).astype(np.float32)
    image[0, 0, 0] = 1
    masks = [rng.random(image.shape) < rng.random() for _ in range(2)]
    for share in separation(case_of(image), *masks):
        assert 0 <= share <= 1 + 1e-9


def test_smaller_regions_are_compared_and_of_a_nonsense_masks_successor_the_sides():
    card = ModelCard.of(
        channels=("c0",), labels={0: "background", 1: "core", 2: "edema", 4: "enhancing"},
        regions={"WT": (1, 2, 4), "TC": (1, 4), "ET": (4,)},
    )  # fmt: skip
    case = case_of(head(one=LESION))
    before = np.zeros(SHAPE, np.uint8)
    before[ball((20, 24, 10), 12.0)] = 2
    after = np.where(ball(*LESION), 2, 0).astype(np.uint8)
    after[ball(LESION[0], 6.0)] = 1
    told = Signals(share=0.1, certainty=0.9, mirror=0.8, coherence=0.8, largest=0.9, border=1.0)
    evidence = dict.fromkeys((WHOLE, "TC", "ET"), told)
    first, second = compared((evidence, evidence), case, before, after, card)
    cores = (np.isin(mask, (1, 4)) for mask in (before, after))
    assert (first["TC"].separation, second["TC"].separation) == separation(case, *cores)
    assert second["TC"].separation > 0
    assert (first["ET"].separation, second["ET"].separation) == (0, 0)
    assert (first[WHOLE], second[WHOLE]) == (told, told)
    assert evidence["TC"] is told, "what was given is left as it is"
    nonsense = {name: replace(told, share=0.3) for name in evidence}
    first, second = compared((nonsense, evidence), case, before, after, card)
    assert first == nonsense
    assert second == {**evidence, WHOLE: replace(told, one_sided=one_sided(case, after != 0))}
