from __future__ import annotations

from dataclasses import replace

import pytest

from napari_osuda.benchmark.bench import Labeled
from napari_osuda.benchmark.comparators.settings import COMPARATORS
from napari_osuda.benchmark.comparators.trials import comparator_rows, run_comparators
from napari_osuda.errors import CaseError


@pytest.fixture
def compared(series):
    """The two patients of the series as targets, and two others with labels in either domain."""
    return replace(series, source=Labeled(("3", "4"), series.load), target=Labeled(("5",), series.load))


@pytest.fixture
def run(tmp_path, tiny):
    def go(series, names=COMPARATORS, told=None, **changes):
        rows = comparator_rows(tmp_path / "comparators.csv", ("WT",))
        setting = tiny(**{"iterations": 2, "batch_size": 2, **changes})
        tell = (lambda text: None) if told is None else told.append
        list(run_comparators([series], rows, names, setting, tmp_path / "kept", "cpu", tell))
        return rows

    return go


def test_every_comparator_is_trained_once_and_scored_on_every_patient(compared, run):
    told = []
    rows = run(compared, told=told)
    assert [(r["method"], r["patient"]) for r in rows] == [(m, p) for m in COMPARATORS for p in ("1", "2")]
    assert all(r["outcome"] == "done" and float(r["training_seconds"]) > 0 for r in rows)
    assert len({r["dice_before_WT"] for r in rows if r["patient"] == "1"}) == 1
    # The upper bound is trained for each half of the patients, on the other one.
    assert len({r["training"] for r in rows}) == len(COMPARATORS) + 1
    text = rows.path.read_text()
    told.clear()
    assert len(run(compared, told=told)) == len(rows)
    assert rows.path.read_text() == text
    assert not told


def test_a_row_of_another_training_is_none_to_keep(compared, run):
    before = run(compared, ("seat",))["t2-to-flair", "seat", "1", 0]
    assert run(compared, ("seat",), iterations=3)["t2-to-flair", "seat", "1", 0] != before
    others = replace(compared, source=Labeled(("3",), compared.load))
    assert run(others, ("seat",), iterations=3)["t2-to-flair", "seat", "1", 0] != before


def test_networks_that_were_kept_are_not_trained_again(compared, run, tmp_path):
    first = run(compared, ("dsfn",))
    first.path.unlink()
    told = []
    again = run(compared, ("dsfn",), told)
    assert not told
    same = ("dice_after_WT", "training_seconds", "training")
    for before, after in zip(first, again, strict=True):
        assert [before[column] for column in same] == [after[column] for column in same]


def test_a_patient_that_cannot_be_read_costs_his_own_trials(compared, run):
    def load(name):
        if name == "2":
            raise CaseError("No patient 2.")
        return compared.load(name)

    rows = run(replace(compared, load=load), ("cyclegan",))
    assert [r["outcome"] for r in rows] == ["done", "failed: No patient 2."]
    assert [r["outcome"] for r in run(compared, ("cyclegan",))] == ["done", "done"]


def test_without_source_data_nothing_is_compared(series, run):
    rows = run(series, ("sifa",))
    assert {r["outcome"] for r in rows} == {
        "failed: The patients that the source model was trained on are not at hand."
    }
    alone = replace(series, patients=("1",))
    (row,) = [r for r in run(alone, ("upper-bound",)) if r["method"] == "upper-bound"]
    assert row["outcome"].startswith("failed: There is no patient with labels to train on")
