from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.session.review.tools import Scope, Tool, ToolUse


@given(st.builds(
    ToolUse, st.sampled_from(Tool), st.none() | st.integers(0, 300), st.sampled_from(Scope),
    *[st.none() | st.floats(allow_nan=False, allow_infinity=False)] * 4, image=st.text(),
    piece=st.none() | st.integers(0, 300),
))  # fmt: skip
def test_a_use_comes_back_from_the_log(use):
    assert ToolUse.from_dict(json.loads(json.dumps(use.to_dict()))) == use


@pytest.mark.parametrize(
    "values", [{}, {"tool": "saw"}, {"tool": "smooth", "mm": "wide"}, {"tool": "smooth", "label": 1.5},
               {"tool": "bring back", "piece": True},
               {"tool": "smooth", "mm": float("nan")}, {"tool": "smooth", "scope": []}]
)  # fmt: skip
def test_what_is_no_use_of_a_tool_is_refused(values):
    with pytest.raises(ValueError, match=r"."):
        ToolUse.from_dict(values)
