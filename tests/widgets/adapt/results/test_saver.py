"""What is saved is what was chosen, of the patient that the dialog names."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_osuda.session import Recommendation
from napari_osuda.session.advice import Reason, ReasonKind
from napari_osuda.session.guard.recommendation import Judgment

pytestmark = pytest.mark.viewer


@pytest.fixture
def distrusted(adapt_widget, ended, monkeypatch):
    """After a run of which neither mask is recommended."""
    monkeypatch.setattr(
        "napari_osuda.session.guard.judging.judged",
        lambda *_: Judgment(Recommendation("neither", (Reason(ReasonKind.NOTHING),)), 0.0),
    )
    adapt_widget.adapt()
    ended(adapt_widget)
    return adapt_widget


@pytest.fixture
def dialog(monkeypatch, tmp_path):
    """The titles of the dialogs that asked for a file, which is always the same."""
    titles = []

    def ask(parent, title, name, *_):
        titles.append((title, name))
        return str(tmp_path / "saved.nii.gz"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    return titles


def question(widget, qtbot):
    """The question that is open."""
    qtbot.waitUntil(lambda: any(box.isVisible() for box in widget.window().findChildren(QMessageBox)))
    return next(box for box in widget.window().findChildren(QMessageBox) if box.isVisible())


def test_where_neither_is_recommended_saving_asks_which(distrusted, dialog, viewer, tmp_path, qtbot):
    viewer.window.show()
    distrusted.outcome_panel.mask_button.click()
    box = question(distrusted, qtbot)
    assert "patient7" in box.text()
    assert box.defaultButton() is box.escapeButton()
    box.escapeButton().click()
    assert not dialog
    distrusted.outcome_panel.mask_button.click()
    box = question(distrusted, qtbot)
    next(button for button in box.buttons() if "original" in button.text()).click()
    assert dialog == [("Save the original mask of patient7", "patient7_before.nii.gz")]
    assert distrusted.outcome_panel.choice == "before"
    saved = np.asarray(nib.load(tmp_path / "saved.nii.gz").dataobj)
    np.testing.assert_array_equal(saved, distrusted.cockpit.result.cases[0].before)


def test_without_a_choice_nothing_is_written(distrusted, tmp_path):
    distrusted.save_mask(tmp_path / "mask.nii.gz")
    assert not (tmp_path / "mask.nii.gz").exists()
    assert "No mask is chosen" in distrusted.note.text()


def test_a_chosen_mask_is_saved_without_a_question(distrusted, dialog):
    distrusted.outcome_panel.after.click()
    distrusted.outcome_panel.mask_button.click()
    assert dialog == [("Save the adapted mask of patient7", "patient7_after.nii.gz")]
