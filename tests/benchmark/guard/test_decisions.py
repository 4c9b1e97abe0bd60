from __future__ import annotations

import csv
import json

import pytest

from napari_osuda.benchmark.bench import KEY
from napari_osuda.benchmark.guard import decisions
from napari_osuda.benchmark.guard.decisions import HoldingOut, decided_again, main
from napari_osuda.benchmark.guard.rows import CaseRows
from napari_osuda.benchmark.trials import score_columns
from napari_osuda.session.guard.estimate import fitted

GOOD = {
    "share": 0.01, "overlap": 0.2, "source_confidence": 0.95, "seen_confidence": 0.95, "own_confidence": 0.97,
    "mixes": 0.95, "others": 0.95, "steady": 0.98, "coherence": 0.85, "largest": 1.0, "separation": 0.65,
    "border": 1.6, "growth": 0.0, "mix_growth": 0.0, "distance": -2.0,
}  # fmt: skip
POOR = GOOD | {
    "source_confidence": 0.2, "seen_confidence": 0.2, "mixes": 0.2, "others": 0.2, "coherence": 0.3,
    "largest": 0.3, "separation": 0.05, "border": 0.2, "mix_growth": 2.0,
}  # fmt: skip


def row(before=POOR, after=GOOD, **changes):
    figures = {"source": {"all labels": before | {"overlap": 1.0}}, "adapted": {"all labels": after}}
    kept = {"candidate": "adapted", "contrast": None, "figures": figures}
    return {
        "protocol": "t2-to-t1", "method": "osuda", "patient": "1", "seed": "0", "decision": "keep-source",
        "reasons": "Once upon a time.", "signals": json.dumps(kept), **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "decision", "says"),
    [
        (POOR, GOOD, "accept", "probably better"),
        (GOOD, POOR, "keep-source", "probably worse"),
        (POOR, POOR, "neither", "probably poor"),
    ],
)
def test_decisions_follow_from_the_figures(before, after, decision, says):
    again = decided_again(row(before, after))
    assert again["decision"] == decision
    assert says in again["reasons"]
    assert "Once upon a time" not in again["reasons"]


def test_what_was_not_adapted_stays():
    assert decided_again(row(signals="")) == row(signals="")


def test_the_original_mask_without_some_pieces_has_no_figures_to_decide_by():
    signals = json.loads(row()["signals"]) | {"candidate": "pieces"}
    kept = row(signals=json.dumps(signals), decision="accept")
    assert decided_again(kept) == kept


@pytest.mark.parametrize(
    "kept", [{"before": {}, "after": {}, "faulty": False}, {"figures": {"source": {"x": {"share": 1}}}}]
)
def test_where_a_figure_is_missing_nothing_is_decided(kept):
    again = decided_again(row(signals=json.dumps(kept)))
    assert (again["decision"], again["reasons"]) == ("", "")


def test_a_table_is_decided_again_whole(tmp_path, capsys):
    path = tmp_path / "bench.csv"
    with open(path, "w", newline="") as stream:
        writer = csv.DictWriter(stream, (*KEY, *score_columns()))
        writer.writeheader()
        writer.writerows([row(), row(GOOD, POOR), row(signals="")])
    assert main([str(path)]) == 0
    assert "1 of 3 decisions" in capsys.readouterr().out
    with open(path, newline="") as stream:
        assert [r["decision"] for r in csv.DictReader(stream)] == ["accept", "keep-source", "keep-source"]


def test_a_held_out_decision_is_of_a_guard_that_saw_nobody_of_the_group(monkeypatch):
    seen = []

    def finished(cases, held):
        seen.append({case.group for case in cases})
        return fitted()

    monkeypatch.setattr(decisions, "held_out", list)
    monkeypatch.setattr(decisions, "finished", finished)
    patients = ("TCGA_CS_1", "TCGA_HT_1", "TCGA_HT_2", "1")
    guards = HoldingOut([CaseRows("p", patient, "plain", {}) for patient in patients])
    scores = {"dice_before_WT": "0.1", "dice_after_WT": "0.2"}
    for patient in ("TCGA_HT_1", "TCGA_HT_2", "TCGA_CS_1"):
        assert guards.estimator(row(patient=patient, **scores)) is fitted()
    assert seen == [{"gliomas of CS", "simulated"}, {"gliomas of HT", "simulated"}]
    assert guards.estimator(row(signals="")) is None
