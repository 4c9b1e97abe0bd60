from __future__ import annotations

import csv
import json

import pytest

from napari_osuda.benchmark.bench import KEY
from napari_osuda.benchmark.guard.decisions import decided_again, main
from napari_osuda.benchmark.trials import score_columns

FIGURES = {"share": 0.02, "certainty": 0.9, "mirror": 0.8, "coherence": 0.8, "largest": 0.9, "border": 1.0}
NONSENSE = FIGURES | {"share": 0.3, "one_sided": 0.1}
LESION = FIGURES | {"border": 1.6, "one_sided": 1.4}
BETTER = {"protocol": "other-scanner", "before": FIGURES, "after": FIGURES | {"coherence": 0.88}}


def row(method="osuda", before=NONSENSE, after=LESION, faulty=False, class_ratio_given=None, **changes):
    kept = {"before": {"all labels": before}, "after": {"all labels": after}, "faulty": faulty}
    kept |= {} if class_ratio_given is None else {"class_ratio_given": class_ratio_given}
    return {
        "protocol": "t2-to-t1", "method": method, "patient": "1", "seed": "0", "decision": "keep-source",
        "reasons": "Once upon a time.",
        "signals": json.dumps(kept), **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "decision", "says"),
    [
        ({}, "accept", "(1.60 standard deviations)"),
        # The rivals leave the contrast as it is, and T1 is not T2.
        ({"method": "tent"}, "neither", "contrast=names"),
        ({"method": "tent", "protocol": "other-scanner"}, "accept", "(1.40)"),
        # CRUDA is told a class ratio, in rows too that do not say so.
        (BETTER | {"method": "tent"}, "accept", "slices agree better"),
        (BETTER | {"method": "cruda"}, "keep-source", "was given a class ratio"),
        (BETTER | {"class_ratio_given": True}, "keep-source", "was given a class ratio"),
        (BETTER | {"method": "cruda", "class_ratio_given": False}, "accept", "slices agree better"),
    ],
)
def test_decisions_follow_from_the_figures_the_method_and_the_protocol(changes, decision, says):
    again = decided_again(row(**changes))
    assert again["decision"] == decision
    assert says in again["reasons"]
    assert "Once upon a time" not in again["reasons"]


def test_what_was_refused_on_sight_or_not_adapted_stays():
    for other in (row(faulty=True), row(signals="")):
        assert decided_again(other) == other


@pytest.mark.parametrize(
    ("before", "after", "protocol", "decided"),
    [
        # The two sides of the head were not compared when the row was made.
        (FIGURES | {"share": 0.3}, FIGURES, "t2-to-t1", False),
        # A model of one class needs nothing else.
        (FIGURES, FIGURES, "t2-no-shift", True),
    ],
)
def test_where_a_figure_is_missing_nothing_is_decided(before, after, protocol, decided):
    again = decided_again(row(before=before, after=after, protocol=protocol))
    assert bool(again["decision"]) == decided


def test_classes_that_were_not_compared_decide_nothing_unless_one_is_refused_anyhow():
    core = {"protocol": "no-shift", "before": FIGURES, "after": FIGURES}
    kept = {"before": {"all labels": FIGURES, "TC": FIGURES}, "faulty": False}
    for after, decision in ((FIGURES, ""), (FIGURES | {"share": 0.0}, "keep-source")):
        signals = json.dumps(kept | {"after": {"all labels": FIGURES, "TC": after}})
        assert decided_again(row(**core, signals=signals))["decision"] == decision


def test_a_table_is_decided_again_whole(tmp_path, capsys):
    path = tmp_path / "bench.csv"
    with open(path, "w", newline="") as stream:
        writer = csv.DictWriter(stream, (*KEY, *score_columns()))
        writer.writeheader()
        writer.writerows([row(), row(method="tent"), row(signals="")])
    assert main([str(path)]) == 0
    assert "2 of 3 decisions" in capsys.readouterr().out
    with open(path, newline="") as stream:
        assert [r["decision"] for r in csv.DictReader(stream)] == ["accept", "neither", "keep-source"]
