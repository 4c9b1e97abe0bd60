from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.session.guard.estimate import (
    CHANGE_FEATURES,
    HARM_FEATURES,
    LEVEL_FEATURES,
    Estimator,
    Linear,
    change_features,
    fitted,
    harm_features,
    judged_by,
    level_features,
)
from napari_osuda.session.guard.figures import FIGURES, Figures

SHARES = st.floats(0, 1)
FIGURE = st.builds(
    Figures, **dict.fromkeys(FIGURES, SHARES) | {
        "border": st.floats(0, 9), "growth": st.floats(-9, 9), "mix_growth": st.floats(-9, 9),
        "distance": st.floats(-7, 3),
    },
)  # fmt: skip
GOOD = Figures(
    share=0.01, overlap=0.9, source_confidence=0.95, seen_confidence=0.95, own_confidence=0.97, mixes=0.95,
    others=0.95, steady=0.98, coherence=0.85, largest=1.0, separation=0.65, border=1.6, growth=0.0,
    mix_growth=0.0, distance=-2.0,
)  # fmt: skip
POOR = dataclasses.replace(
    GOOD, source_confidence=0.2, seen_confidence=0.2, mixes=0.2, others=0.2, steady=0.6, coherence=0.3,
    largest=0.3, separation=0.05, border=0.2, mix_growth=2.0, overlap=0.1, distance=0.3,
)  # fmt: skip


def test_features_have_names():
    assert len(level_features(GOOD)) == len(LEVEL_FEATURES)
    assert len(change_features(GOOD, POOR, 0.5)) == len(CHANGE_FEATURES)
    assert not change_features(GOOD, GOOD, 0.0)[: len(LEVEL_FEATURES)].any()


@given(FIGURE, FIGURE)
def test_an_estimate_is_a_dice_in_its_interval_and_a_chance_is_a_chance(before, after):
    estimator = fitted()
    for figures in (before, after):
        expected = estimator.expected(figures)
        assert 0 <= expected.low <= expected.dice <= expected.high <= 1
    was, now, change = estimator.compared(before, after)
    # What is told agrees, whatever the two estimates say.
    assert was.dice in (0, 1) or now.dice in (0, 1) or now.dice - was.dice == pytest.approx(change.gain)
    if before.share and after.share:
        assert (now.dice - was.dice) * change.gain >= 0
    assert 0 <= change.harm <= 1
    # Masks that agree cannot differ by more than they disagree.
    assert abs(change.gain) <= max(1 - after.overlap, 0.02) + 1e-9


def test_of_an_empty_mask_nothing_is_expected():
    empty = dataclasses.replace(GOOD, share=0.0, overlap=0.0)
    was, now, _ = fitted().compared(GOOD, empty)
    assert was.dice > 0.3
    assert (now.dice, now.low) == (0, 0)
    was, now, _ = fitted().compared(empty, dataclasses.replace(GOOD, overlap=0.0))
    assert was.dice == 0 < now.dice


def test_masks_of_which_nothing_is_expected_are_still_ranked():
    estimator = dataclasses.replace(fitted(), change=flat(CHANGE_FEATURES, 0.0))
    poor = dataclasses.replace(POOR, mixes=0.0, own_confidence=0.0, separation=0.0)
    worse = dataclasses.replace(poor, coherence=0.0, largest=0.0)
    assert [estimator.compared(poor, figures)[1].dice for figures in (poor, worse)] == [0, 0]
    assert estimator.promise(poor, poor) > estimator.promise(poor, worse)
    assert estimator.promise(POOR, dataclasses.replace(POOR, share=0.0)) == -1


def test_what_everything_agrees_on_is_expected_to_be_better():
    estimator = fitted()
    assert estimator.expected(GOOD).dice > 0.6 > estimator.useless > estimator.expected(POOR).dice
    far = dataclasses.replace(GOOD, overlap=0.1)
    assert estimator.changed(POOR, far).harm < estimator.changed(GOOD, POOR).harm
    assert estimator.changed(POOR, far).gain > 0 > estimator.changed(GOOD, POOR).gain


@pytest.mark.parametrize("name", ["source_confidence", "mixes", "separation", "coherence", "steady"])
@given(figures=FIGURE, more=SHARES)
def test_a_better_figure_never_lowers_the_estimate(name, figures, more):
    better = dataclasses.replace(figures, **{name: max(getattr(figures, name), more)})
    assert fitted().expected(better).dice >= fitted().expected(figures).dice - 1e-9


def flat(names, value):
    """Says the same of whatever it is shown."""
    return Linear(np.zeros(len(names)), np.ones(len(names)), np.zeros(len(names)), value)


def test_the_change_is_in_units_of_the_disagreement_and_harm_in_log_odds():
    estimator = dataclasses.replace(
        fitted(), change=flat(CHANGE_FEATURES, 0.2), harm=flat(HARM_FEATURES, math.log(0.25 / 0.75))
    )
    change = estimator.changed(GOOD, dataclasses.replace(GOOD, overlap=0.5))
    assert change.gain == pytest.approx(0.2 * 0.5)
    assert change.harm == pytest.approx(0.25)


def test_harm_depends_on_what_the_source_models_mask_is_like():
    found = dict(zip(HARM_FEATURES, harm_features(POOR, GOOD, 0.5), strict=True))
    assert found["source's steady"] == POOR.steady
    assert found["source's distance"] == POOR.distance
    assert found["disagreement"] == pytest.approx(math.log(0.1))
    assert found["steady"] == pytest.approx(GOOD.steady - POOR.steady)


def test_it_is_plain_data():
    again = Estimator.from_dict(json.loads(json.dumps(fitted().to_dict())))
    assert again.to_dict() == fitted().to_dict()
    assert again.expected(GOOD) == fitted().expected(GOOD)


def test_another_estimator_judges_for_as_long_as_it_is_asked_to():
    shipped = fitted()
    other = dataclasses.replace(shipped, useless=0.9)
    with judged_by(other):
        assert fitted() is other
        with judged_by(None):
            assert fitted() is other
    assert fitted() is shipped
    with pytest.raises(ZeroDivisionError), judged_by(other):
        raise ZeroDivisionError
    assert fitted() is shipped
