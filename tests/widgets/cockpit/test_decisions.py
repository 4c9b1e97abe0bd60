"""How many decisions a person has made on the last result, wherever they are kept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from review_parts import review_case

from napari_osuda.session.review.record import ReviewRecord, recorded_decisions
from napari_osuda.widgets.cockpit.cockpit import Cockpit


def test_decisions_are_counted_in_the_folder_or_the_open_review(tmp_path, qtbot):
    cockpit = Cockpit()
    assert cockpit.decisions() == 0
    result: Any = SimpleNamespace(folder=tmp_path)
    cockpit.result = result
    assert cockpit.decisions() == 0
    review = ReviewRecord(tmp_path, {}).open_case(review_case())
    review.decide("before", "axial", [1])
    review.set_flag(True, "axial", [2])
    assert cockpit.decisions() == 2
    review.undo()
    assert cockpit.decisions() == 1
    result.folder = None
    assert cockpit.decisions() == 0
    cockpit.reviewed = lambda: 3
    assert cockpit.decisions() == 3


def test_a_damaged_record_counts_nothing_and_stops_nobody(tmp_path):
    (tmp_path / "review.json").write_text('{"cases": {"a": {"log": [{"kind": "undo"}]}}}')
    assert recorded_decisions(tmp_path) == 0
