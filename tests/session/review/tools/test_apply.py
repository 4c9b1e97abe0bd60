from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from mask_parts import SPACING, labels_3d

from napari_osuda.errors import ConfigError
from napari_osuda.imaging import Grid
from napari_osuda.session.review.tools import Scope, Tool, ToolUse, apply_tool


@settings(deadline=None, max_examples=60)
@given(
    labels_3d, st.sampled_from(list(Tool)[:5]), st.sampled_from(list(Scope)), st.integers(0, 2),
    st.sampled_from([None, 1, 2]), st.data(),
)  # fmt: skip
def test_any_use_gives_a_mask_of_the_same_form_and_a_slice_touches_no_other(
    labels, tool, scope, axis, label, data
):
    index = data.draw(st.integers(0, labels.shape[axis] - 1))
    painted = data.draw(st.sets(st.integers(0, labels.shape[axis] - 1)))
    use = ToolUse(tool, label, scope, ml=0.002, mm=1.0, low=0.0, high=1.0, image="flair")
    before = labels.copy()
    try:
        result = apply_tool(
            labels,
            use,
            grid=Grid(labels.shape, np.diag([*SPACING, 1.0])),
            axis=axis,
            index=index,
            image=labels / 2.0,
            painted=sorted(painted),
        )
    except ConfigError:
        assert tool is Tool.INTERPOLATE or (tool is Tool.GROW and label is None)
        return
    np.testing.assert_array_equal(labels, before)
    assert (result.shape, result.dtype) == (labels.shape, labels.dtype)
    changed = np.flatnonzero((result != labels).any(axis=tuple(a for a in range(3) if a != axis)))
    if tool is not Tool.INTERPOLATE and scope is Scope.SLICE:
        assert set(changed) <= {index}
    if tool is Tool.INTERPOLATE:
        assert not set(changed) & painted
