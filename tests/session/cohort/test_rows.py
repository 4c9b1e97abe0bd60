from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from napari_osuda.session.cohort.rows import SessionRow
from napari_osuda.session.report.words import HEADLINES
from napari_osuda.session.run_folder.record import AdviceRecord, ReasonRecord


def row(decision: Any, pieces: int = 0) -> SessionRow:
    evidence = (ReasonRecord(kind="removed", figures={"pieces": pieces}),) if pieces else ()
    advice = None if decision is None else AdviceRecord(decision=decision, evidence=evidence)
    case: Any = SimpleNamespace(recommendation=advice)
    session: Any = SimpleNamespace(name="sub-01")
    return SessionRow(session, "done", None, "job", case)


@pytest.mark.parametrize("decision", ["accept", "keep-source", "neither", None])
@pytest.mark.parametrize("pieces", [0, 2])
def test_every_session_has_a_headline_and_is_counted_under_one(decision, pieces):
    found = row(decision, pieces)
    assert found.kind in HEADLINES
    assert (found.kind == "reduced") == (decision == "accept" and pieces > 0)
    assert ("2 pieces removed" in found.headline) == (found.kind == "reduced")
