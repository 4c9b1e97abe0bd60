from __future__ import annotations

import numpy as np
import pytest
from review_widgets import SHAPE

pytestmark = pytest.mark.viewer


def test_coronal_slices_are_listed_when_the_viewer_shows_them(widget, empty):
    empty.dims.order = (1, 0, 2)
    assert widget.context.plane == "coronal"
    assert widget.page.slices.model.rowCount() == SHAPE[1]
    assert "of 10 coronal" in widget.page.decide.progress.text()
    widget.context.go_to(3)
    widget.commands.decide("before")
    index = widget.layers.planes["coronal"].index(3)
    np.testing.assert_array_equal(widget.review.final[:, index], widget.review.case.before[:, index])
    np.testing.assert_array_equal(
        widget.layers.layers["final"].data[:, 3], widget.layers.layers["before"].data[:, 3]
    )
