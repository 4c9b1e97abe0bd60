from __future__ import annotations

from types import SimpleNamespace

import pytest

from napari_osuda.evaluation import RegionScore
from napari_osuda.session import Recommendation
from napari_osuda.session.advice import Reason, ReasonKind
from napari_osuda.widgets.adapt.results.details import OutcomeDetails
from napari_osuda.widgets.qt.theme import palette

COLORS = palette("dark")


def score(region, dice):
    return RegionScore(region, dice, 3.0, 2.0, 0.5, 0.5, 1.0, 1.0, False)


def result(before=(), after=()):
    return SimpleNamespace(
        cases=(SimpleNamespace(scores_before=tuple(before), scores_after=tuple(after)),),
        recommendation=Recommendation("accept", (Reason(ReasonKind.NOTHING),)), reports=(1, 2),
        iteration=None, iteration_reason=None, folder=None,
        job=SimpleNamespace(config=SimpleNamespace(iterations=3)),
    )  # fmt: skip


@pytest.fixture
def details(qtbot):
    widget = OutcomeDetails()
    qtbot.addWidget(widget)
    return widget


def test_reasons_come_with_how_far_the_run_came(details):
    details.show_result(result(), COLORS)
    assert details.reasons.text().count("•") == 2
    assert "2 of 3 iterations." in details.reasons.text()
    assert details.scores.isHidden()


@pytest.mark.parametrize(("after", "color", "change"), [(0.7, "blue", "+0.200"), (0.4, "red", "-0.100")])
def test_a_fall_of_dice_is_marked_as_plainly_as_a_gain(details, after, color, change):
    details.show_result(result([score("WT", 0.5)], [score("WT", after)]), COLORS)
    assert f"color: {getattr(COLORS, color)}'>{change}<" in details.scores.text()
    assert "Whole tumor (WT)" in details.scores.text()


def test_without_an_adapted_mask_only_the_originals_dice_is_there(details):
    details.show_result(result([score("<r>", 0.5)]), COLORS)
    assert "&lt;r&gt;" in details.scores.text()
    assert "0.500" in details.scores.text()
    assert "color:" not in details.scores.text()


def test_volumes_are_in_ml_and_no_share_of_something_else_is_beside_them(details):
    shown = result()
    volumes = Reason(ReasonKind.VOLUMES, {"after_ml": 1.5, "before_ml": 50.0, "dice": 0.06})
    shown.recommendation = Recommendation("neither", (Reason(ReasonKind.EMPTY), volumes))
    details.show_result(shown, COLORS)
    text = details.reasons.text()
    assert "Marked volume: 1.5 ml adapted, 50.0 ml original." in text
    assert "%" not in text
