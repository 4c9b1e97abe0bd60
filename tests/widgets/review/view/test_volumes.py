"""Volumes in ml, live."""

from __future__ import annotations

import numpy as np
import pytest
from review_widgets import answer

pytestmark = pytest.mark.viewer


def test_volumes_in_ml_follow_every_act(widget, empty):
    size = 2.0 * 1.5 * 3.0 / 1000

    def told() -> str:
        return widget.page.line.text().replace("&nbsp;", " ")

    for _ in range(2):
        core = np.count_nonzero(widget.review.final == 1) * size
        assert f"core {core:,.1f} ml" in told()
        assert f">&nbsp;&nbsp;{core:,.2f}<" in widget.page.volumes.text()
        widget.commands.decide_everywhere("before")
        answer(widget, "Use original")
        widget.review.final[...] = 1
        widget.review.commit_edit("axial")
        widget.context.decided.emit()
    widget.commands.undo()
    assert f"core {np.count_nonzero(widget.review.final == 1) * size:,.1f} ml" in told()
