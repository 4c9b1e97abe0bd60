from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from qtpy.QtCore import Qt
from review_parts import AFFINE
from review_widgets import answer, press

from napari_osuda.imaging import write_labels

pytestmark = pytest.mark.viewer


def test_a_reference_scores_and_maps_errors(widget, empty, tmp_path, folder, qtbot):
    path = tmp_path / "seg.nii.gz"
    write_labels(path, widget.review.case.before, widget.review.case.grid)
    widget.read_reference(path)
    scores = widget.page.reference.scores
    qtbot.waitUntil(lambda: "Against the reference" in scores.text())
    # Before is the reference itself; after and final are not.
    assert scores.text().count("1.000") == 1
    model = widget.page.slices.model
    titles = [model.headerData(i, Qt.Orientation.Horizontal) for i in range(model.columnCount())]
    column = titles.index("Wrong, final")
    step = widget.context.step
    assert int(model.data(model.index(step, column)).replace(",", "")) > 0
    widget.commands.decide("before")
    assert model.data(model.index(step, column)) == "0"
    widget.commands.decide_everywhere("before")
    answer(widget, "Use original")
    qtbot.waitUntil(lambda: scores.text().count("1.000") == 2)
    widget.commands.undo()
    combo = widget.page.reference.map
    combo.setCurrentIndex(combo.findData("final"))
    combo.activated.emit(combo.currentIndex())
    error = empty.layers["Error map of the final mask"]
    wrong = widget.layers.layers["final"].data != widget.layers.layers["before"].data
    np.testing.assert_array_equal(np.isin(error.data, (1, 2, 4)), wrong)
    assert {layer.name for layer in empty.layers if layer.visible} == {"case_flair", error.name}
    assert widget.page.reference.combo.currentText() == "seg.nii.gz"
    press(empty, Qt.Key.Key_W)
    assert error not in empty.layers, "errors and masks over each other could not be told apart"
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2), np.uint8), AFFINE), path)
    widget.read_reference(path)
    assert "does not lie on the grid" in widget.page.note.text()
