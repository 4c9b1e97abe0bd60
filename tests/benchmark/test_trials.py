from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from napari_osuda.benchmark import trials
from napari_osuda.benchmark.trials import guarded, number, present_regions, score_columns, trial
from napari_osuda.errors import CaseError
from napari_osuda.evaluation import RegionScore
from napari_osuda.method import AdaptationConfig
from napari_osuda.session import Recommendation
from napari_osuda.session.advice import Reason, ReasonKind

PATIENT = SimpleNamespace(case=None, reference=None)


def score(dice):
    return RegionScore("WT", dice, 3.0, 2.0, 0.5, 0.5, 1.0, 1.0, False)


def run(monkeypatch, **case):
    known = {"scores_before": (score(0.5),), "scores_after": (score(0.7),), "calibration_before": None,
             "calibration_after": SimpleNamespace(ece=0.1, brier=0.2), "recommendation": None}  # fmt: skip
    result = SimpleNamespace(cases=(SimpleNamespace(**known | case),), reports=(1, 2))
    monkeypatch.setattr(trials, "adapt_case", lambda *args, **kwargs: result)
    return trial(None, PATIENT, AdaptationConfig(), "osuda")


def test_a_row_has_the_scores_before_and_after(monkeypatch):
    row = run(monkeypatch)
    assert (row["dice_before_WT"], row["dice_after_WT"], row["iterations"]) == (0.5, 0.7, 2)
    assert row["ece_after"] == 0.1
    assert "ece_before" not in row
    assert set(row) <= set(score_columns(("WT",)))


def test_the_guards_word_and_figures_are_kept(monkeypatch):
    advice = Recommendation("keep-source", (Reason(ReasonKind.NOTHING),), signals={"a": {"b": 0.123456789}})
    row = run(monkeypatch, recommendation=advice)
    assert row["decision"] == "keep-source"
    assert json.loads(row["signals"]) == {"a": {"b": 0.12346}}


def test_a_run_that_fails_keeps_the_original_mask(monkeypatch):
    def fail(*args, **kwargs):
        raise CaseError("The case is empty.")

    monkeypatch.setattr(trials, "adapt_case", fail)
    row = trial(None, PATIENT, AdaptationConfig(), "osuda")
    assert row == {"outcome": "failed: The case is empty.", "decision": "keep-source"}


@pytest.mark.parametrize(
    ("decision", "dice"), [("accept", 0.7), ("keep-source", 0.5), ("neither", 0.5), ("", None)]
)
def test_the_guard_leaves_one_of_the_two(decision, dice):
    row = {"decision": decision, "dice_before_WT": "0.5", "dice_after_WT": "0.7"}
    assert guarded(row, "dice", "WT") == dice


def test_figures_that_are_not_there_are_none():
    row = {"dice_before_WT": "0.5", "dice_before_ET": "", "other": "x"}
    assert number(row, "dice_before_WT") == 0.5
    assert number(row, "dice_before_ET") is None
    assert number(row, "dice_before_TC") is None
    assert present_regions([row, {"dice_before_TC": "1"}]) == ["WT", "TC"]
