from __future__ import annotations

import re
import string

import pytest

from napari_osuda.evaluation import region_words
from napari_osuda.session.advice import Expected, Reason, ReasonKind, Recommendation, RegionAdvice
from napari_osuda.session.guard.collapse import Collapse
from napari_osuda.session.guard.wording import (
    DECISIONS,
    advice_record,
    choice_words,
    collapse_words,
    headline,
    reasons_in_words,
    region_title,
    sentence,
)

FIGURES = dict.fromkeys(
    ("harm", "after_ml", "before_ml", "dice", "ml", "pieces",
     *(f"{when}_{name}" for when in ("before", "after") for name in ("dice", "low", "high"))), 0.25
)  # fmt: skip


@pytest.mark.parametrize("kind", ReasonKind)
@pytest.mark.parametrize("rises", [True, False])
def test_every_reason_is_a_few_short_sentences_without_an_organ(kind, rises):
    figures = FIGURES | {"before": 0.2, "after": 0.9 if rises else 0.1}
    text = sentence(Reason(kind, figures, "core"))
    assert text.endswith(".")
    for part in re.split(r"(?<=[.:]) ", text):
        assert len(part.split()) <= 25, part
    assert not re.search(r"tumou?r|lesion|brain|nonsense|speaks|turned", text.lower())
    assert not set(text) & set(string.punctuation) & set("{}!")


def test_every_decision_has_a_headline():
    assert set(DECISIONS) == {"accept", "keep-source", "neither"}


def test_several_cases_are_told_by_name():
    assert sentence(Reason(ReasonKind.EMPTY, case="anna")).startswith("anna: The adapted mask is empty.")
    assert reasons_in_words(None) == ()


@pytest.mark.parametrize(
    ("kind", "says"), [("gone", "only 4% of the marked"), ("everywhere", "90% of the head")]
)
def test_a_collapse_is_told_with_its_figures(kind, says):
    text = collapse_words(Collapse(kind, iteration=7, good=4, left=0.04, covered=0.9))
    assert says in text
    assert "iteration 7" in text
    assert "the result of iteration 4" in text


def test_a_record_holds_the_reasons_in_words_and_as_data():
    expected = Expected(0.7, 0.52, 0.81)
    advice = Recommendation(
        "neither",
        (Reason(ReasonKind.VANISHES, {}, "core"),),
        regions={"core": RegionAdvice("keep-source", expected, None)},
    )
    record = advice_record(advice)
    assert record["decision"] == "neither"
    assert record["reasons"] == ["'core' is missing from the adapted mask."]
    assert record["evidence"] == [{"kind": "vanishes", "region": "core", "figures": {}}]
    assert record["regions"]["core"] == {
        "decision": "keep-source",
        "expected_dice_before": {"dice": 0.7, "low": 0.52, "high": 0.81},
        "expected_dice_after": None,
    }
    assert advice_record(None) is None


_APART = (ReasonKind.REMOVED, ReasonKind.POOR, ReasonKind.NOTHING, ReasonKind.VOLUMES)


@pytest.mark.parametrize("kind", [kind for kind in ReasonKind if kind not in _APART])
def test_a_mask_that_was_set_aside_is_not_called_the_adapted_one(kind):
    refused = Recommendation("keep-source", (Reason(kind, FIGURES | {"before": 0.2, "after": 0.1}, "core"),))
    text = choice_words("mirror", 30, refused)
    assert "averaged over the image and its mirror image" in text
    assert "adapted mask" not in text
    assert all(len(part.split()) <= 25 for part in re.split(r"(?<=[.:]) ", text))


@pytest.mark.parametrize(("after", "told"), [(0.462, True), (0.466, False)])
def test_two_figures_that_look_the_same_are_said_to_be_close(after, told):
    figures = FIGURES | {"before_dice": 0.458, "after_dice": after}
    text = sentence(Reason(ReasonKind.BETTER, figures))
    assert ("They differ by less than 0.01." in text) is told


def test_a_region_has_one_name_in_reasons_and_tables():
    assert region_title("TC") == region_words("TC") == "Tumor core (TC)"
    assert (region_title("anterior"), region_words("anterior")) == ("'anterior'", "anterior")
    assert region_title(None) == "The mask"


@pytest.mark.parametrize("decision", ["accept", "keep-source", "neither", None])
def test_only_a_mask_that_is_to_be_used_is_headed_by_its_removed_pieces(decision):
    assert headline(decision) == headline(decision, 0)
    assert ("pieces removed" in headline(decision, 3)) == (decision == "accept")
    assert "adapted" not in headline("accept", 3)


def test_the_reasons_call_a_reduced_mask_so():
    removed = Reason(ReasonKind.REMOVED, {"pieces": 3.0, "ml": 1.25})
    poor = Reason(ReasonKind.POOR, FIGURES)
    for sentence_of in reasons_in_words(Recommendation("neither", (poor, removed))):
        assert "adapted" not in sentence_of
    (said,) = reasons_in_words(Recommendation("accept", (removed,)))
    assert said.startswith("The reduced mask is the original mask without 3 pieces (1.2 ml in all).")
