from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from napari_osuda.imaging import Grid, case_from_arrays
from napari_osuda.session.advice import Expected, Reason, ReasonKind, Recommendation
from napari_osuda.session.guard.estimate import Change, fitted
from napari_osuda.session.guard.figures import Figures
from napari_osuda.session.guard.passes import WHOLE
from napari_osuda.session.guard.recommendation import judged, unchanged, with_volumes
from napari_osuda.session.guard.wording import reasons_in_words

FAIR = Figures(
    share=0.01, overlap=1.0, source_confidence=0.9, seen_confidence=0.9, own_confidence=0.95, mixes=0.9,
    others=0.9, steady=0.9, coherence=0.8, largest=1.0, separation=0.6, border=1.4, growth=0.0,
    mix_growth=0.0, distance=-2.0,
)  # fmt: skip
OTHER = dataclasses.replace(FAIR, overlap=0.6, steady=0.95, coherence=0.85, separation=0.65)
NONE = dataclasses.replace(FAIR, share=0.0)


class FixedEstimator:
    """An estimator that says what a test wants."""

    accepted_harm, useless = 0.2, 0.3

    def __init__(self, levels, changes):
        self._levels, self._changes = levels, changes
        self.change = fitted().change

    def compared(self, before, after):
        expected = (Expected(dice, dice - 0.1, dice + 0.1) for dice in self._levels)
        gain, harm = self._changes
        return (*expected, Change(gain, harm))

    def promise(self, before, after):
        return self._levels[1]


def kinds(advice):
    return [reason.kind for reason in advice.reasons]


def told(levels, changes, before=None, after=None, contrast=None):
    before, after = before or {WHOLE: FAIR}, after or {WHOLE: OTHER}
    return judged({"source": before, "adapted": after}, "adapted", FixedEstimator(levels, changes), contrast)


@pytest.mark.parametrize(
    ("levels", "changes", "decision", "kind"),
    [
        ((0.6, 0.7), (0.1, 0.1), "accept", ReasonKind.BETTER),
        ((0.6, 0.7), (0.1, 0.3), "keep-source", ReasonKind.RISK),
        ((0.6, 0.5), (-0.1, 0.6), "keep-source", ReasonKind.WORSE),
        # A change that is harmless and brings nothing is none.
        ((0.6, 0.6), (0.0, 0.1), "keep-source", ReasonKind.WORSE),
        # The better of the two is not good enough.
        ((0.1, 0.2), (0.1, 0.1), "neither", ReasonKind.POOR),
        ((0.2, 0.1), (-0.1, 0.6), "neither", ReasonKind.POOR),
        ((0.2, 0.7), (0.1, 0.1), "accept", ReasonKind.BETTER),
    ],
)
def test_the_decision_follows_from_what_is_expected(levels, changes, decision, kind):
    found = told(levels, changes)
    assert found.advice.decision == decision
    assert found.advice.reasons[0].kind == kind
    assert (found.gain > 0) == (decision == "accept")
    region = found.advice.regions[WHOLE]
    assert (region.before.dice, region.after.dice) == levels
    assert found.advice.signals["figures"]["adapted"][WHOLE] == OTHER.to_dict()


def test_each_region_has_its_own_word_and_none_pays_for_another():
    found = told((0.6, 0.7), (0.1, 0.1), {WHOLE: FAIR, "core": FAIR}, {WHOLE: OTHER, "core": OTHER})
    assert found.advice.decision == "accept"
    assert [r.decision for r in found.advice.regions.values()] == ["accept", "accept"]
    lost = told((0.6, 0.7), (0.1, 0.1), {WHOLE: FAIR, "core": FAIR}, {WHOLE: OTHER, "core": NONE})
    assert (lost.advice.decision, lost.gain) == ("keep-source", 0)
    assert (kinds(lost.advice)[0], lost.advice.reasons[0].region) == (ReasonKind.VANISHES, "core")
    assert [r.decision for r in lost.advice.regions.values()] == ["accept", "keep-source"]


def test_a_trace_of_a_region_that_the_source_saw_nowhere_is_refused():
    trace = dataclasses.replace(OTHER, share=1e-5)
    found = told((0.6, 0.7), (0.1, 0.1), {WHOLE: FAIR, "core": NONE}, {WHOLE: OTHER, "core": trace})
    assert (found.advice.decision, kinds(found.advice)[0]) == ("keep-source", ReasonKind.APPEARS)
    there = dataclasses.replace(OTHER, share=1e-3)
    found = told((0.6, 0.7), (0.1, 0.1), {WHOLE: FAIR, "core": NONE}, {WHOLE: OTHER, "core": there})
    assert found.advice.decision == "accept"


def test_a_region_that_neither_mask_has_decides_nothing():
    with_it = told((0.6, 0.7), (0.1, 0.1), {WHOLE: FAIR, "core": NONE}, {WHOLE: OTHER, "core": NONE})
    assert list(with_it.advice.regions) == [WHOLE]
    assert with_it.advice.decision == "accept"


def test_an_empty_mask_is_never_accepted_and_of_two_empty_ones_neither_is_trusted():
    emptied = told((0.6, 0.9), (0.3, 0.0), after={WHOLE: NONE})
    assert (emptied.advice.decision, kinds(emptied.advice)[0]) == ("keep-source", ReasonKind.EMPTY)
    nothing = told((0.6, 0.9), (0.3, 0.0), {WHOLE: NONE}, {WHOLE: NONE})
    assert (nothing.advice.decision, kinds(nothing.advice)) == ("neither", [ReasonKind.NOTHING])


def test_a_contrast_that_was_left_is_named_where_the_mask_is_refused():
    for contrast, decision in (("unchanged", "keep-source"), ("converted", "keep-source")):
        found = told((0.6, 0.5), (-0.1, 0.6), contrast=contrast)
        assert found.advice.decision == decision
        assert (ReasonKind.CONTRAST in kinds(found.advice)) == (contrast == "unchanged")
        assert found.advice.signals["contrast"] == contrast
    assert ReasonKind.CONTRAST not in kinds(told((0.6, 0.7), (0.1, 0.1), contrast="unchanged").advice)


def test_figures_that_are_told_speak_for_the_decision():
    accepted, refused = told((0.6, 0.7), (0.1, 0.1)).advice, told((0.6, 0.5), (-0.1, 0.6)).advice
    for advice, sign in ((accepted, 1), (refused, -1)):
        assert len(advice.reasons) <= 3
        for reason in advice.reasons[1:]:
            assert sign * (reason.figures["after"] - reason.figures["before"]) > 0
    assert "expected Dice 0.70 (0.60 to 0.80), original 0.60 (0.50 to 0.70)" in reasons_in_words(accepted)[0]


def test_volumes_are_told_in_ml():
    case = case_from_arrays(
        "c", {"t2": np.ones((10, 10, 10), np.float32)}, Grid((10, 10, 10), np.diag([10.0, 10, 10, 1]))
    )
    before, after = np.zeros((2, 10, 10, 10), np.uint8)
    before[:2], after[:4] = 1, 1
    advice = with_volumes(told((0.6, 0.7), (0.1, 0.1)).advice, before, after, case)
    assert reasons_in_words(advice)[-1] == (
        "Marked volume: 400.0 ml adapted, 200.0 ml original. The two masks overlap with Dice 0.67."
    )


def test_a_mask_that_is_the_sources_needs_no_judgment():
    assert (unchanged().decision, kinds(unchanged())) == ("accept", [ReasonKind.UNCHANGED])
    worse = Recommendation("keep-source", (Reason(ReasonKind.RISK),), {"figures": {}})
    assert (unchanged(worse).decision, unchanged(worse).signals) == ("accept", {"figures": {}})


def test_an_empty_or_poor_mask_is_no_better_for_being_the_sources():
    empty = unchanged(marked=False)
    assert (empty.decision, kinds(empty)) == ("neither", [ReasonKind.NOTHING])
    poor = Recommendation("neither", (Reason(ReasonKind.POOR),))
    assert unchanged(poor) is poor
