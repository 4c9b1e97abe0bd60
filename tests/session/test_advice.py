from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.session.advice import Reason, ReasonKind, Recommendation, combined

DECISIONS = ["neither", "keep-source", "accept"]
ONE = Recommendation("accept", (Reason(ReasonKind.BETTER),), signals={})


def test_one_recommendation_is_its_own_and_none_is_none():
    assert combined([]) is None
    assert combined([("anna", ONE)]) is ONE


@given(st.lists(st.sampled_from(DECISIONS), min_size=2, max_size=5))
def test_several_are_told_as_the_worst_with_the_reasons_of_the_cases_that_are_so(decisions):
    parts = [(str(n), Recommendation(d, (Reason(ReasonKind.EMPTY),))) for n, d in enumerate(decisions)]
    whole = combined(parts)
    assert whole.decision == next(d for d in DECISIONS if d in decisions)
    assert [r.case for r in whole.reasons] == [str(n) for n, d in enumerate(decisions) if d == whole.decision]


def test_a_reason_is_plain_data():
    reason = Reason(ReasonKind("steady"), {"before": 0.1, "after": 0.2})
    assert reason.to_dict() == {"kind": "steady", "region": None, "figures": {"before": 0.1, "after": 0.2}}
    with pytest.raises(ValueError, match="not a valid"):
        ReasonKind("It is worse.")
