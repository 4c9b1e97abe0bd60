from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from review_parts import AFFINE
from review_widgets import SHAPE, answer, docked, press

from napari_osuda.imaging import Grid

pytestmark = pytest.mark.viewer


def test_filters_and_keys_find_what_is_undecided_or_flagged(widget, empty):
    widget.page.decide.comment.setText("vessel?")
    widget.context.go_to(5)
    press(empty, Qt.Key.Key_G)
    assert widget.review.flag("axial", widget.layers.planes["axial"].index(5)).comment == "vessel?"
    widget.context.go_to(4)
    press(empty, Qt.Key.Key_H)
    assert widget.context.step == 5
    widget.page.slices.set_filter("undecided")
    assert widget.page.slices.view.model().rowCount() == 7
    press(empty, Qt.Key.Key_A)
    assert widget.page.slices.view.model().rowCount() == 6
    widget.commands.decide_rest("after")
    assert "6 axial slices" in answer(widget, "Use adapted")
    assert "7 of 7" in widget.page.decide.progress.text()
    assert widget.page.slices.view.model().rowCount() == 0


def test_slices_can_be_sorted_and_filtered_by_uncertainty(empty, folder):
    from napari_osuda.imaging import write_shares

    doubt = np.full(SHAPE, 0.1)
    doubt[..., 3], doubt[..., 6] = 0.9, 0.6
    write_shares(folder / "uncertainty" / "case.nii.gz", doubt, Grid(SHAPE, AFFINE))
    widget = docked(empty)
    widget.open_folder(folder)
    model, view = widget.page.slices.model, widget.page.slices.view
    titles = [model.headerData(i, Qt.Orientation.Horizontal) for i in range(model.columnCount())]
    view.sortByColumn(titles.index("Uncertainty"), Qt.SortOrder.DescendingOrder)
    rows = [view.model().mapToSource(view.model().index(row, 0)).row() for row in range(2)]
    assert [widget.layers.planes["axial"].index(row) for row in rows] == [3, 6]
    widget.page.slices.set_filter("uncertain")
    assert view.model().rowCount() == 2
    empty.window.remove_dock_widget(widget)
