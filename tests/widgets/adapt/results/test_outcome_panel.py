from __future__ import annotations

from html import unescape
from types import SimpleNamespace

import numpy as np
import pytest

from napari_osuda.evaluation import RegionScore
from napari_osuda.session import IterationReason, Recommendation
from napari_osuda.session.advice import Reason, ReasonKind
from napari_osuda.session.guard.wording import reasons_in_words
from napari_osuda.widgets.adapt.results.outcome_panel import OutcomePanel
from napari_osuda.widgets.adapt.words import recommendation_words
from napari_osuda.widgets.qt.theme import palette

DARK = palette("dark")
MASK = np.zeros((2, 2, 2), np.uint8)


def result(decision="accept", *, after=MASK, scores=(), iteration=None, reason=None):
    """What a run gives, as far as the panel looks at it."""
    advice = None if decision is None else Recommendation(decision, (Reason(ReasonKind.NOTHING),))
    case = SimpleNamespace(
        case=SimpleNamespace(name="patient<7>"), before=MASK, after=after, recommendation=advice,
        scores_before=tuple(scores), scores_after=tuple(scores),
    )  # fmt: skip
    return SimpleNamespace(
        cases=(case,), recommendation=advice, network=None, has_model=False, folder=None, iteration=iteration,
        iteration_reason=reason,
        reports=(1, 2), job=SimpleNamespace(config=SimpleNamespace(iterations=3)),
    )  # fmt: skip


@pytest.fixture
def panel(qtbot):
    widget = OutcomePanel(DARK)
    for part in (widget, widget.details):
        qtbot.addWidget(part)
    return widget


@pytest.mark.parametrize(
    ("decision", "choice"), [("accept", "after"), ("keep-source", "before"), ("neither", "")]
)
def test_the_headline_is_the_verdict_and_what_it_says_is_chosen(panel, decision, choice):
    preferred = []
    panel.preferred.connect(preferred.append)
    panel.show_result(result(decision))
    headline = recommendation_words(decision)
    assert f"<b>{headline}</b>" in panel.text.text()
    assert "patient<7>" in unescape(panel.text.text())
    assert (
        sum(recommendation_words(one) in panel.text.text() for one in ("accept", "keep-source", "neither"))
        == 1
    )
    assert panel.choice == choice
    assert preferred == [choice]


def test_after_neither_a_person_can_choose_either(panel, qtbot):
    panel.show_result(result("accept"))
    panel.show_result(result("neither"))
    assert not panel.after.isChecked()
    assert not panel.before.isChecked()
    with qtbot.waitSignal(panel.preferred) as preferred:
        panel.before.click()
    assert preferred.args == ["before"]
    assert panel.choice == "before"


def test_reasons_and_figures_are_behind_details(panel):
    score = RegionScore("WT", 0.5, 3.0, 2.0, 0.5, 0.5, 1.0, 1.0, False)
    panel.show_result(result(scores=[score]))
    panel.show()
    assert not panel.details.isVisibleTo(panel.details.parentWidget())
    panel.details_button.click()
    assert not panel.details.isHidden()
    (reason,) = reasons_in_words(result().recommendation)
    assert reason in unescape(panel.details.reasons.text())
    assert reason not in unescape(panel.text.text())
    assert "2 of 3 iterations" in panel.details.reasons.text()
    assert "Whole tumor (WT)" in panel.details.scores.text()
    panel.show_result(result())
    assert panel.details.isHidden()


@pytest.mark.parametrize(
    ("reason", "iteration", "said"),
    [
        (IterationReason.PERSON, 2, "The result is that of iteration 2, as chosen."),
        (IterationReason.COLLAPSE, 1, "iteration 1: after it, the segmentation collapsed."),
        (IterationReason.GUARD, 0, "Training made it worse; only the image statistics were adjusted."),
    ],
)
def test_why_the_result_is_of_an_earlier_iteration_is_told(panel, reason, iteration, said):
    panel.show_result(result(iteration=iteration, reason=reason))
    text = panel.details.reasons.text()
    assert said in text
    assert ("as chosen" in text) == (reason is IterationReason.PERSON)


def test_without_an_adapted_mask_the_original_is_the_only_choice(panel):
    panel.show_result(result(after=None))
    assert panel.choice == "before"
    assert not panel.after.isEnabled()
    assert panel.after.toolTip() == panel.review_button.toolTip() == "There is no adapted mask."


def test_every_grayed_button_says_why(panel):
    panel.show_result(result())
    panel.set_busy(True)
    for button in panel.buttons:
        assert button.toolTip()
        assert button.isEnabled() or button.toolTip().endswith(".")


def test_masks_of_another_case_than_the_chosen_images_say_so(panel):
    panel.show_result(result())
    assert panel.other_case.isHidden()
    panel.set_other_case("patient8")
    assert not panel.other_case.isHidden()
    assert "patient<7>" in unescape(panel.other_case.text())
    assert "patient8" in panel.other_case.text()
    panel.set_other_case("")
    assert panel.other_case.isHidden()


@pytest.mark.parametrize(("pieces", "said"), [(1, "1 piece"), (3, "3 pieces")])
def test_a_reduced_mask_is_called_what_it_is(panel, pieces, said):
    reduced = result()
    advice = Recommendation("accept", (Reason(ReasonKind.REMOVED, {"pieces": pieces, "ml": 1.2}),))
    reduced.recommendation = reduced.cases[0].recommendation = advice
    panel.show_result(reduced)
    assert f"Use reduced, {said} removed" in panel.text.text()
    assert "The layer 'difference' shows what was removed." in panel.text.text()
    assert "adapted" not in panel.text.text().lower()
    assert panel.after.text() == "Use &reduced"
    assert panel.after.isChecked()
    assert said in panel.after.toolTip()
    panel.show_result(result())
    assert panel.after.text() == "Use &adapted"
