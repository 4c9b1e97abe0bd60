from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.session.guard.figures import FIGURES, Seen, figures_of

SHAPE = (8, 32, 32)
EVERY = np.arange(SHAPE[0])


def ball(center=(4, 16, 16), radius=6.0):
    grid = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1) * [2, 1, 1]
    return ((grid - np.multiply(center, [2, 1, 1])) ** 2).sum(-1) < radius**2


def sure(mask, p=0.95):
    return Seen(np.where(mask, p, 1 - p).astype(np.float32))


def image(mask, rng=None):
    rng = rng or np.random.default_rng(0)
    return (rng.normal(0, 0.2, SHAPE) + 2 * mask).astype(np.float32)[:, None]


LESION = ball()


def of(mask, *, p=0.95, source=LESION, mixes=(LESION,), others=(LESION,), seen=None):
    seen = seen or sure(mask, p)
    told = [(mix, EVERY) for mix in mixes]
    return figures_of(seen, sure(source), image(LESION), told, list(others), 0.5)


def test_a_mask_that_everything_agrees_on_has_the_best_figures():
    found = of(LESION)
    assert (found.overlap, found.mixes, found.others, found.largest) == (1, 1, 1, 1)
    assert (found.growth, found.mix_growth) == (0, 0)
    assert found.separation > 0.9
    assert found.border > 1.5
    assert found.distance == pytest.approx(math.log(0.5))
    assert found.share == pytest.approx(LESION.mean())
    assert tuple(found.to_dict()) == FIGURES


def test_a_mask_elsewhere_is_told_by_each_figure():
    good, bad = of(LESION), of(ball((4, 6, 6)))
    for name in (
        "overlap",
        "source_confidence",
        "seen_confidence",
        "mixes",
        "others",
        "separation",
        "border",
    ):
        assert getattr(bad, name) < getattr(good, name) - 0.3, name
    # Its own network may be as sure as it likes.
    assert bad.own_confidence == pytest.approx(good.own_confidence, abs=0.1)


def test_the_source_networks_confidence_is_soft_dice():
    rng = np.random.default_rng(1)
    p, mask = rng.random(SHAPE).astype(np.float32), rng.random(SHAPE) < 0.3
    found = figures_of(sure(mask), Seen(p), image(LESION), [], [], 1.0)
    assert found.source_confidence == pytest.approx(2 * p[mask].sum() / (p.sum() + mask.sum()), rel=1e-5)
    other = figures_of(sure(mask), Seen(p), image(LESION), [], [], 1.0, source_on_seen=1 - p)
    assert other.seen_confidence == pytest.approx(
        2 * (1 - p[mask]).sum() / ((1 - p).sum() + mask.sum()), rel=1e-4
    )
    assert other.source_confidence == found.source_confidence


def test_a_mask_that_changes_with_the_image_is_not_steady():
    places = np.array([2, 4])
    same, moved = LESION[places], np.roll(LESION[places], 6, 1)
    steady = of(LESION, seen=Seen(sure(LESION).p, ((same, places), (same, places))))
    shaky = of(LESION, seen=Seen(sure(LESION).p, ((same, places), (moved, places))))
    assert steady.steady == 1
    assert shaky.steady < 0.8


def test_slices_that_have_nothing_to_do_with_each_other_are_not_coherent():
    flicker = LESION.copy()
    flicker[::2] = np.roll(flicker[::2], 12, 1)
    assert of(LESION).coherence > 0.6
    assert of(flicker).coherence < 0.1


def test_sizes_are_against_the_source_and_the_mixes():
    large = ball(radius=9.0)
    found = of(large, mixes=(large, large, LESION))
    assert found.growth == pytest.approx(math.log((large.sum() + 10) / (LESION.sum() + 10)))
    assert found.mix_growth == 0


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.1, 1.0]))
def test_figures_are_finite_and_shares_are_shares_whatever_the_masks(seed, share):
    rng = np.random.default_rng(seed)
    masks = [rng.random(SHAPE) < share for _ in range(3)]
    found = figures_of(
        Seen(rng.random(SHAPE) * share),
        sure(masks[0]),
        image(LESION, rng),
        [(masks[1][:2], EVERY[:2])],
        masks[2:],
        0.0,
    )
    told = found.to_dict()
    assert all(math.isfinite(value) for value in told.values())
    for name in set(FIGURES) - {"border", "growth", "mix_growth", "distance"}:
        assert -1e-6 <= told[name] <= 1 + 1e-6, name
