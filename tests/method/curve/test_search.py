from __future__ import annotations

import copy
import dataclasses
import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from napari_osuda.errors import CaseError, ConfigError
from napari_osuda.method.curve import search
from napari_osuda.method.curve.beginnings import (
    BEGINNINGS,
    begin_curve,
    expected_beginnings,
)
from napari_osuda.method.curve.search import SearchConfig, foreground_confidence, search_curve


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=40))
def test_confidence_is_the_share_of_the_foreground_that_is_held_for_sure(values):
    p = np.asarray(values, np.float64)
    found, marked = foreground_confidence(torch.tensor(values, dtype=torch.float32).view(1, 1, -1))
    assert marked == pytest.approx(p.sum(), rel=1e-6)
    assert 0 <= found <= 1
    if p.sum() > 1e-3:
        assert found == pytest.approx((p**2).sum() / p.sum(), rel=1e-5)


def test_confidence_of_nothing_is_nothing_and_of_a_sure_mask_one():
    assert foreground_confidence(torch.zeros(1, 1, 4)) == (0.0, 0.0)
    assert foreground_confidence(torch.tensor([[[0.0, 1.0, 1.0]]])) == (1.0, 2.0)


def test_trials_are_what_the_network_says_of_the_curves_image(unet, batches, heads):
    begin = begin_curve(batches, heads, ("identity", "negated"))
    trials = list(search_curve(unet, batches, heads, begin, SearchConfig(trials=5)))
    assert [trial.t for trial in trials] == [0, 1, 2, 3, 4, 5]
    assert trials[0].curve == begin
    for trial in trials:
        with torch.no_grad():
            images = [trial.curve(x, h) for x, h in zip(batches, heads, strict=True)]
            p = torch.cat([unet(x).softmax(1)[:, 1:] for x in images])
        assert (trial.confidence, trial.foreground) == pytest.approx(foreground_confidence(p), rel=1e-5)


def test_each_that_is_taken_is_surer_and_marks_about_as_much(unet, batches, heads):
    begin = begin_curve(batches, heads, ("identity", "identity"))
    trials = list(search_curve(unet, batches, heads, begin, SearchConfig(trials=12, most_change=1.2)))
    taken = [trial for trial in trials if trial.taken]
    assert taken[0].t == 0
    assert len(taken) > 1
    for before, after in itertools.pairwise(taken):
        assert after.confidence > before.confidence
        assert 1 / 1.2 <= after.foreground / taken[0].foreground <= 1.2
    best = max(t.confidence for t in trials if 1 / 1.2 <= t.foreground / trials[0].foreground <= 1.2)
    assert taken[-1].confidence == best


def test_a_curve_that_marks_another_amount_than_the_beginning_is_not_taken(unet, batches, heads):
    begin = begin_curve(batches, heads, ("identity", "identity"))
    for most, some in ((1.0, False), (1e9, True)):
        trials = list(search_curve(unet, batches, heads, begin, SearchConfig(trials=6, most_change=most)))
        assert trials[0].taken
        assert any(trial.taken for trial in trials[1:]) is some


def test_the_first_trial_as_well_is_held_to_what_the_beginning_marks(unet, batches, heads):
    begin = begin_curve(batches, heads, ("identity", "identity"))
    for most, some in ((1.0, False), (1e9, True)):
        configs = [SearchConfig(trials=1, most_change=most, seed=seed) for seed in range(6)]
        assert any(list(search_curve(unet, batches, heads, begin, c))[1].taken for c in configs) is some


@pytest.mark.parametrize("amount", [1.0, 2.0**-10])
def test_a_curve_that_marks_exactly_as_much_may_be_taken(batches, heads, amount, monkeypatch):
    """As much as before is within any change, also where it is far less than a voxel."""

    class Shared(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            # Between two voxels, in parts that add up without rounding.
            part = (x.mean((1, 2, 3)).sigmoid() * 256).round() / 256
            p = torch.zeros_like(x[:, :1])
            p[:, 0, 0, 0], p[:, 0, 0, 1] = part * amount, (1 - part) * amount
            return torch.cat([1 - p, p], 1)

    begin = begin_curve(batches, heads, ("identity", "identity"))
    # A clock that goes on by a second whenever somebody looks at it.
    monkeypatch.setattr(search, "time", SimpleNamespace(perf_counter=itertools.count(1.0).__next__))
    config = SearchConfig(most_change=1.0)
    first, *trials = search_curve(Shared(), batches, heads, begin, config, activation="none")
    assert {trial.foreground for trial in (first, *trials)} == {amount * sum(len(x) for x in batches)}
    assert first.confidence > 0.0
    assert any(trial.taken for trial in trials)
    assert {trial.seconds for trial in (first, *trials)} == {1.0}


def test_a_network_that_marks_nothing_is_left_with_the_beginning(batches, heads):
    class Nothing(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([torch.ones_like(x[:, :1]), torch.zeros_like(x[:, :1])], 1)

    begin = begin_curve(batches, heads, ("identity", "identity"))
    trials = list(search_curve(Nothing(), batches, heads, begin, activation="none"))
    assert [trial.taken for trial in trials] == [True] + [False] * 16
    assert {(trial.confidence, trial.foreground) for trial in trials} == {(0.0, 0.0)}


def test_a_search_repeats_itself_and_leaves_the_network(unet, batches, heads):
    before = copy.deepcopy(unet.state_dict())
    begin = begin_curve(batches, heads, ("identity", "identity"))
    runs = [list(search_curve(unet, batches, heads, begin, SearchConfig(trials=3))) for _ in range(2)]
    assert [t.curve for t in runs[0]] == [t.curve for t in runs[1]]
    assert [t.confidence for t in runs[0]] == [t.confidence for t in runs[1]]
    other = list(search_curve(unet, batches, heads, begin, SearchConfig(trials=3, seed=1)))
    assert other[1].curve != runs[0][1].curve
    for name, value in unet.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("shift", [0.0, 500.0])
@pytest.mark.parametrize("scale", [1.0, 1e3, 1e-3])
def test_a_search_does_not_depend_on_the_units(unet, batches, heads, scale, shift):
    """A network that undoes the units sees the same images, and so the same trials are taken."""

    class Undone(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return unet((x - shift) / scale)

    config = SearchConfig(trials=4)
    plain = list(search_curve(unet, batches, heads, begin_curve(batches, heads, ("negated",) * 2), config))
    scaled = [x * scale + shift for x in batches]
    begin = begin_curve(scaled, heads, ("negated",) * 2)
    for a, b in zip(plain, search_curve(Undone(), scaled, heads, begin, config), strict=True):
        assert b.confidence == pytest.approx(a.confidence, rel=2e-3)


def test_sigmoid_channels_are_all_foreground(batches, heads):
    network = nn.Conv2d(2, 1, 1)
    begin = begin_curve(batches, heads, ("identity", "identity"))
    (first,) = search_curve(network, batches, heads, begin, SearchConfig(trials=0), activation="sigmoid")
    with torch.no_grad():
        p = torch.cat([network(x).sigmoid() for x in batches])
    assert first.foreground == pytest.approx(float(p.sum()), rel=1e-5)


def test_beginnings_are_what_they_say(batches, heads):
    for c, sign in enumerate((1, -1)):
        begin = begin_curve(batches, heads, ("identity", "negated"))
        head = np.concatenate([x[:, c][h].numpy() for x, h in zip(batches, heads, strict=True)])
        x, y = np.asarray(begin.channels[c].x), np.asarray(begin.channels[c].y)
        np.testing.assert_allclose((x[0], x[7]), (head.mean() - 2.5 * head.std(), head.mean()), rtol=1e-4)
        np.testing.assert_allclose(y - head.mean(), sign * (x - head.mean()), rtol=1e-4, atol=1e-5)
    whole = begin_curve(batches, heads, ("identity", "identity"))
    for x, h in zip(batches, heads, strict=True):
        torch.testing.assert_close(whole(x, h), x, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("channel", ["t1", "t1ce", "t2", "flair", "pd", ""])
@pytest.mark.parametrize("image", ["t1", "t1ce", "t2", "flair", "adc", ""])
def test_every_pair_of_contrasts_has_a_beginning(channel, image):
    names = expected_beginnings(channel, image)
    assert names
    assert set(names) <= set(BEGINNINGS)
    if channel == image:
        assert names == ("identity",)


def test_what_cannot_be_searched_is_refused_with_a_sentence(unet, batches, heads):
    with pytest.raises(ConfigError, match="begins as 'upside down'; it must be one of identity"):
        begin_curve(batches, heads, ("upside down", "identity"))
    nothing = [torch.zeros_like(h) for h in heads]
    with pytest.raises(CaseError, match="no voxel of the image is head"):
        begin_curve(batches, nothing, ("identity", "identity"))
    with pytest.raises(ConfigError, match="trials of the curve's search is -1; it must be 0 or more"):
        SearchConfig(trials=-1)
    with pytest.raises(ConfigError, match="least_reach"):
        SearchConfig(reach=0.1)


@pytest.mark.parametrize("reaches", [(0.75,), (0.75, 0.15), (0.75, 0.55, 0.35, 0.15)])
def test_each_trial_is_the_best_so_far_scaled_shifted_and_bent(unet, batches, heads, reaches):
    """Written anew: the kernel by a sum, the reach of trial t by a line from 0.75 to 0.15."""
    begin = begin_curve(batches, heads, ("identity", "negated"))
    images = [
        np.concatenate([x[:, c][h].numpy() for x, h in zip(batches, heads, strict=True)]) for c in (0, 1)
    ]
    normal = np.random.default_rng(3).normal
    first, *trials = search_curve(unet, batches, heads, begin, SearchConfig(trials=len(reaches), seed=3))
    best = first.curve
    for trial, reach in zip(trials, reaches, strict=True):
        for was, now, image in zip(best.channels, trial.curve.channels, images, strict=True):
            scale, shift, noise = 1 + 0.5 * reach * normal(), 0.5 * reach * normal(), normal(size=len(was.y))
            left, right = np.r_[noise[0], noise[:-1]], np.r_[noise[1:], noise[-1]]
            moved = shift + reach * (0.25 * left + 0.5 * noise + 0.25 * right)
            y, middle = np.asarray(was.y), np.median(was.y)
            expected = middle + scale * (y - middle) + image.std(dtype=np.float64) * moved
            assert now.x == was.x
            np.testing.assert_allclose(now.y, expected, rtol=1e-4, atol=1e-4)
        best = trial.curve if trial.taken else best


def test_what_is_searched_where_nothing_is_asked_for_and_the_least_that_may_be_asked_for():
    assert dataclasses.asdict(SearchConfig()) == {
        "trials": 16,
        "reach": 0.75,
        "least_reach": 0.15,
        "most_change": 2.0,
        "seed": 0,
    }
    SearchConfig(trials=0, reach=0.5, least_reach=0.5, most_change=1.0)
    for outside in (
        {"reach": 0.0},
        {"least_reach": 0.0},
        {"least_reach": 0.8},
        {"most_change": 0.99},
        {"seed": -1},
    ):
        with pytest.raises(ConfigError, match=f"^{next(iter(outside))} of the curve's search"):
            SearchConfig(**outside)
