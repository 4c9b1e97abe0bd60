from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from review_widgets import answer, docked

from napari_osuda.widgets.review.words import REPORT_DONE

pytestmark = pytest.mark.viewer


def test_saving_asks_for_a_name_once_and_writes_everything(widget, empty, folder, qtbot):
    widget.save()
    assert "Enter your name" in widget.page.note.text()
    assert not (folder / "final").exists()
    widget.page.name.setText("A. Reader")
    widget.commands.decide_rest("before")
    answer(widget, "Use original")
    widget.save()
    qtbot.waitUntil(lambda: REPORT_DONE in widget.page.note.text(), timeout=30_000)
    saved = nib.load(folder / "final" / "case.nii.gz")
    np.testing.assert_array_equal(np.asarray(saved.dataobj), widget.review.case.before)
    page = (folder / "report.html").read_text()
    for said in ("A. Reader", "use original", "not a medical device", "final"):
        assert said in page
    assert widget.page.case.itemText(0) == "saved: case"
    empty.window.remove_dock_widget(widget)
    again = docked(empty)
    assert again.page.name.text() == "", "the next reader is somebody else"
    empty.window.remove_dock_widget(again)
