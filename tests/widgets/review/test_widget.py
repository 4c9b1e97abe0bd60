from __future__ import annotations

import json
import time

import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPoint, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from review_parts import write_run
from review_widgets import docked

from napari_osuda.widgets.review.words import OPENING

pytestmark = pytest.mark.viewer


def test_closing_gives_back_keys_layers_and_grid(widget, empty):
    empty.bind_key("A", lambda _: None, overwrite=True)
    widget.compare("side")
    empty.window.remove_dock_widget(widget)
    assert not empty.canvas.grid.enabled
    assert [layer.name for layer in empty.layers] == []
    bound = {str(key) for key in empty.keymap}
    assert not bound & {"K", "W", "S", "D", "R", "Q", "T", "J", "U", "H", "G", "I", "N", "Y"}


def test_what_is_wrong_is_one_sentence(empty, tmp_path, folder):
    widget = docked(empty)
    widget.open_folder(tmp_path)
    assert "no run.json" in widget.page.note.text()
    (tmp_path / "case_flair.nii.gz").unlink()
    widget.open_folder(folder)
    assert "no longer at" in widget.page.note.text()
    assert widget.review is not None, "masks can be judged without the image"
    (folder / "review.json").write_text("{}")
    widget.commands.decide("after")
    assert "written by another window" in widget.page.note.text()
    assert widget.review.log == []
    record = json.loads((folder / "run.json").read_text())
    assert record["cases"]


@pytest.mark.slow
def test_a_large_case_is_instant(empty, tmp_path):
    folder = write_run(tmp_path / "large", ("case",), (240, 240, 155))
    widget = docked(empty)
    widget.open_folder(folder)
    from napari_osuda.session.review.slices import slice_table

    begin = time.process_time()
    slice_table(widget.review.case, "axial")
    rows = time.process_time() - begin
    jumps = []
    for _ in range(9):
        begin = time.process_time()
        widget.view.go_to_next("changed")
        jumps.append(time.process_time() - begin)
    print(f"rows {rows:.2f} s, jump {1000 * float(np.median(jumps)):.0f} ms")
    # Generous, since a test's machine is shared; half the voxels here carry a label, far more than a tumor.
    assert rows < 3
    assert np.median(jumps) < 0.5


@pytest.mark.parametrize("name", ["", "run.json"])
def test_a_run_folder_dropped_on_the_panel_is_reviewed(empty, folder, name, tmp_path, qtbot):
    widget = docked(empty)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder / name))])
    parts = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    entered = QDragEnterEvent(QPoint(1, 1), *parts)
    entered.ignore()
    widget.dragEnterEvent(entered)
    assert entered.isAccepted()
    widget.dropEvent(QDropEvent(QPoint(1, 1).toPointF(), *parts))
    qtbot.waitUntil(lambda: widget.review is not None, timeout=20_000)
    assert widget.run.folder == folder
    data.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    widget.dropEvent(QDropEvent(QPoint(1, 1).toPointF(), *parts))
    assert "is not a run folder" in widget.page.note.text()
    empty.window.remove_dock_widget(widget)


def test_masks_are_read_beside_the_window_and_not_shown_once_their_images_are_gone(widget, folder, qtbot):
    widget.view.end()
    widget.incoming.take_folder(folder)
    assert widget.review is None, "they are still being read"
    assert widget.page.note.text() == OPENING
    qtbot.waitUntil(lambda: widget.review is not None, timeout=20_000)
    run = widget.run
    widget.view.end()
    widget._on_came(run)
    widget.incoming.gone.emit(run)
    qtbot.waitUntil(lambda: not widget._reading.busy, timeout=20_000)
    qtbot.wait(20)
    assert widget.review is None
    assert OPENING not in widget.page.note.text()
