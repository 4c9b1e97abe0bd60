"""First use: an empty panel says what to do, and opens images without holding up the window."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from qtpy.QtWidgets import QFileDialog

from napari_osuda.widgets.adapt.welcome import recent_runs
from napari_osuda.widgets.adapt.widget import AdaptWidget

pytestmark = pytest.mark.viewer


@pytest.fixture
def empty(make_napari_viewer, qtbot):
    """The panel in a viewer without any layer."""
    viewer = make_napari_viewer()
    widget = AdaptWidget(viewer)
    viewer.window.add_dock_widget(widget, name="OSUDA: Adapt")
    yield widget
    if not widget._ended and hasattr(viewer.window, "_qt_window"):
        viewer.window.remove_dock_widget(widget)


def opened(widget, qtbot):
    qtbot.waitUntil(lambda: not widget.opening.busy and bool(widget.viewer.layers), timeout=60_000)


def test_an_empty_panel_says_the_steps_and_every_button_works_or_says_why_not(empty):
    assert empty.welcome.isVisibleTo(empty)
    text = empty.welcome.text.text()
    assert all(step in text for step in ("Open the images", "Choose a source model", "Compare both masks"))
    assert "1." not in text, "the headings below are numbered, in another order"
    for button in (empty.welcome.images_button, empty.welcome.sample_button, empty.welcome.runs_button):
        assert button.toolTip()
        assert button.isEnabled() == bool(button.menu().actions())


def test_images_are_opened_in_the_background_and_the_steps_go(empty, patient, qtbot, monkeypatch):
    paths = sorted(map(str, patient.glob("*_t?.nii.gz")))
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (paths, ""))
    files, _ = empty.welcome.images_button.menu().actions()
    files.trigger()
    # The window has its turn before anything is there.
    assert not empty.viewer.layers
    assert "Opening 2 files" in empty.note.text()
    opened(empty, qtbot)
    assert [layer.name for layer in empty.viewer.layers] == ["patient7_t1", "patient7_t2"]
    assert not empty.welcome.isVisibleTo(empty)
    empty.viewer.layers.clear()
    assert empty.welcome.isVisibleTo(empty)


def test_a_sample_is_one_click_away(empty, qtbot):
    action = empty.welcome.sample_button.menu().actions()[-1]
    action.trigger()
    opened(empty, qtbot)
    assert {"flair", "t1", "t1ce", "t2", "reference"} <= {layer.name for layer in empty.viewer.layers}


def test_what_is_no_image_is_a_sentence(empty, tmp_path, qtbot):
    (tmp_path / "letter.txt").write_text("Dear colleague")
    empty.opening.open([tmp_path / "letter.txt"])
    qtbot.waitUntil(lambda: "letter.txt is not an MRI" in empty.note.text(), timeout=60_000)
    (tmp_path / "broken.nii.gz").write_bytes(b"nothing")
    with qtbot.waitSignal(empty.opening.failed, timeout=60_000) as failed:
        empty.opening.open([tmp_path / "broken.nii.gz"])
    assert "broken.nii.gz" in failed.args[0]
    assert not empty.viewer.layers


def test_an_earlier_run_is_opened_for_review(adapt_widget, viewer, ended, qtbot):
    adapt_widget.adapt()
    ended(adapt_widget)
    folder = adapt_widget.cockpit.result.folder
    viewer.layers.clear()
    adapt_widget.welcome.set_runs([folder])
    (action,) = adapt_widget.welcome.runs_button.menu().actions()
    assert action.text() == folder.name
    action.trigger()
    qtbot.waitUntil(
        lambda: any(name.startswith("OSUDA: Review") for name in viewer.window.dock_widgets), timeout=60_000
    )
    (title,) = [name for name in viewer.window.dock_widgets if name.startswith("OSUDA: Review")]
    review = viewer.window.dock_widgets[title]
    qtbot.waitUntil(lambda: review.review is not None, timeout=60_000)
    assert review.review.case.name == "patient7"


def test_recent_runs_are_the_newest_and_not_all(tmp_path):
    for number in range(12):
        record = tmp_path / f"run-{number}" / "run.json"
        record.parent.mkdir()
        record.write_text("{}")
        os.utime(record, (number, number))
    found = recent_runs([tmp_path, Path("/nowhere")])
    assert [folder.name for folder in found] == [f"run-{number}" for number in range(11, 3, -1)]
