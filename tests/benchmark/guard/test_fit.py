from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_osuda.benchmark.guard.fit import HeldOut, logistic, ridge, risk_controlled
from napari_osuda.session.guard.estimate import HARM


def held(gain, harm, change):
    """A case whose one candidate changes Dice by ``change``."""
    dice = {"source": 0.5, "adapted": 0.5 + change}
    return HeldOut(SimpleNamespace(dice=dice.__getitem__), {}, {"adapted": gain}, {"adapted": harm})


@pytest.mark.parametrize(
    ("gain", "harm", "accepted", "chosen"),
    [
        (0.1, 0.1, 0.2, "adapted"),
        (0.1, 0.3, 0.2, "source"),
        (-0.1, 0.0, 0.2, "source"),
        (0.1, 0.2, 0.2, "adapted"),
    ],
)
def test_a_candidate_is_used_where_it_gains_at_an_accepted_risk(gain, harm, accepted, chosen):
    case = held(gain, harm, 0.2)
    assert case.chosen(accepted) == chosen
    assert case.change(accepted) == pytest.approx(0.2 if chosen == "adapted" else 0.0)


def test_the_threshold_is_the_largest_that_keeps_the_promise():
    # 99 cases, of which those with a stated risk above 0.3 are harmed.
    cases = [held(0.1, risk, -10 * HARM if risk > 0.3 else 0.1) for risk in np.linspace(0.0, 0.5, 99)]
    threshold = risk_controlled(cases, alpha=0.05)
    harmed = sum(case.change(threshold) < -HARM for case in cases)
    assert 0.3 <= threshold < 0.5
    assert (harmed + 1) / 100 <= 0.05
    beyond = sum(case.change(threshold + 0.005) < -HARM for case in cases)
    assert (beyond + 1) / 100 > 0.05


def test_on_too_few_cases_no_risk_is_accepted():
    assert risk_controlled([held(0.1, 0.0, 0.1)], alpha=0.05) == 0.0


def test_a_weight_against_all_reason_is_none():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    # More overlap may go either way; more distance between statistics cannot speak for a mask.
    target = 0.5 + 0.1 * x[:, 0] + 0.1 * x[:, 1]
    found = ridge(x, target, np.ones(200), ("overlap", "distance"))
    assert found.weights[0] == pytest.approx(0.1, rel=0.1)
    assert found.weights[1] == pytest.approx(0.0, abs=1e-6)


def test_the_log_odds_are_those_that_the_harm_was_drawn_from():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 3))
    odds = -1.0 + x @ np.array([1.5, 0.0, -0.5])
    found = logistic(x, rng.random(len(x)) < 1 / (1 + np.exp(-odds)), np.ones(len(x)))
    assert found.weights == pytest.approx([1.5, 0.0, -0.5], abs=0.06)
    assert found.bias == pytest.approx(-1.0, abs=0.06)


def test_few_cases_are_told_little():
    x = np.array([[0.0], [1.0], [2.0], [3.0]])
    found = logistic(x, np.array([False, False, True, True]), np.ones(4))
    assert 0 < found.weights[0] < 0.1
    assert found.bias == pytest.approx(0.0, abs=1e-4)


def test_weights_count_as_so_many_cases():
    rng = np.random.default_rng(1)
    x, harmed = rng.normal(size=(60, 2)), rng.random(60) < 0.3
    twice = logistic(np.r_[x, x[:20]], np.r_[harmed, harmed[:20]], np.ones(80))
    weighed = logistic(x, harmed, np.r_[np.full(20, 2.0), np.ones(40)])
    assert weighed.weights == pytest.approx(twice.weights, abs=1e-4)
