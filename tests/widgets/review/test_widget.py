from __future__ import annotations

import json
import time
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPoint, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from review_parts import AFFINE, write_run
from review_widgets import answer, choose_rows, docked, press

from napari_osuda.imaging import Grid, write_labels
from napari_osuda.imaging.world import to_shown
from napari_osuda.napari_layers.masks import RESULT_KEY
from napari_osuda.napari_layers.run_folder import get_run_folder_reader
from napari_osuda.session.review.run import ReviewRun

pytestmark = pytest.mark.viewer

SHAPE = (12, 10, 8)
BEFORE, AFTER = "original mask (case)", "adapted mask (case)"


@pytest.mark.filterwarnings("ignore:Contours are not displayed during 3D")
def test_layers_hold_the_masks_on_the_image_and_are_locked(widget, empty):
    layers = widget.layers.layers
    review = widget.review
    for role in ("before", "after"):
        np.testing.assert_array_equal(
            layers[role].data, to_shown(getattr(review.case, role), review.case.grid)
        )
    assert np.shares_memory(layers["final"].data, review.final)
    for layer in empty.layers:
        assert not layer.editable
        np.testing.assert_array_equal(layer.extent.world, empty.layers["case_flair"].extent.world)
    assert list(layers["after"].features["label"]) == ["background", "core", "edema"]
    empty.dims.ndisplay = 3
    empty.dims.ndisplay = 2
    assert not any(layer.editable for layer in empty.layers), "napari unlocks layers on the way back from 3-D"


def test_keys_decide_the_slice_in_view_and_go_on(widget, empty):
    widget.desk.go_to(2)
    press(empty, Qt.Key.Key_K)
    row = widget.layers.planes["axial"].index(2)
    assert widget.review.choice("axial", row).kind == "before"
    np.testing.assert_array_equal(widget.review.final[:, :, row], widget.review.case.before[:, :, row])
    assert widget.desk.step == 3
    assert "1 of 7" in widget.page.decide.progress.text()
    press(empty, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert widget.review.choice("axial", row) is None
    assert widget.desk.step == 2, "one sees what was taken back"
    press(empty, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert widget.review.choice("axial", row).kind == "before"


def test_the_table_follows_the_viewer_and_the_viewer_the_table(widget, empty, qtbot):
    empty.dims.set_current_step(0, 4)
    assert widget.page.slices.view.current() == 4
    view = widget.page.slices.view
    choose_rows(widget, 1, 1)
    assert widget.desk.step == view.current() == 2
    assert empty.dims.current_step[0] == 2
    qtbot.mouseClick(widget.page.slices.strip, Qt.MouseButton.LeftButton, pos=QPoint(1, 10))
    assert widget.desk.step == 0
    assert view.current() is None, "the filter hides a slice without labels"
    widget.page.slices.set_filter("all")
    assert view.current() == 0


def test_coronal_slices_are_listed_when_the_viewer_shows_them(widget, empty):
    empty.dims.order = (1, 0, 2)
    assert widget.desk.plane == "coronal"
    assert widget.page.slices.model.rowCount() == SHAPE[1]
    assert "of 10 coronal" in widget.page.decide.progress.text()
    widget.desk.go_to(3)
    widget.acts.decide("before")
    index = widget.layers.planes["coronal"].index(3)
    np.testing.assert_array_equal(widget.review.final[:, index], widget.review.case.before[:, index])
    np.testing.assert_array_equal(
        widget.layers.layers["final"].data[:, 3], widget.layers.layers["before"].data[:, 3]
    )


def test_painting_is_recorded_stroke_by_stroke_and_undone(widget, empty, folder, qtbot):
    widget.desk.go_to(3)
    press(empty, Qt.Key.Key_I)
    final = widget.layers.layers["final"]
    assert final.editable
    assert final.mode == "paint"
    was = final.data[3].copy()
    final.selected_label = 1 if was[5, 5] != 1 else 3
    final.brush_size = 1
    final.paint((3, 5, 5), final.selected_label)
    index = widget.layers.planes["axial"].index(3)
    qtbot.waitUntil(lambda: widget.review.choice("axial", index) is not None)
    assert widget.review.choice("axial", index).kind == "edited"
    again = ReviewRun.of_folder(folder).review("case")
    np.testing.assert_array_equal(again.final, widget.review.final)
    press(empty, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(final.data[3], was)
    press(empty, Qt.Key.Key_I)
    assert not final.editable


@pytest.mark.parametrize(
    ("key", "visible"),
    [
        (Qt.Key.Key_W, {"case_flair", BEFORE, AFTER}),
        (Qt.Key.Key_D, {"case_flair", "difference (case)"}),
        (Qt.Key.Key_R, {"case_flair", "final mask (case)"}),
        (Qt.Key.Key_S, {"case_flair (left)", BEFORE, "case_flair (right)", AFTER}),
    ],
)
def test_each_way_to_look_is_a_key(widget, empty, key, visible):
    press(empty, key)
    assert {layer.name for layer in empty.layers if layer.visible} == visible


def test_side_by_side_is_linked_and_gives_the_grid_back(widget, empty):
    order = [layer.name for layer in empty.layers]
    widget.compare("side")
    grid = empty.canvas.grid
    assert grid.enabled
    places = [{empty.layers[i].name for i in inside if empty.layers[i].visible}
              for _, inside in grid.iter_viewboxes(empty.layers)]  # fmt: skip
    assert places == [{"case_flair (left)", BEFORE}, {"case_flair (right)", AFTER}]
    empty.layers["case_flair (left)"].contrast_limits = (90, 110)
    assert empty.layers["case_flair (right)"].contrast_limits == [90, 110]
    widget.compare("overlay")
    assert not grid.enabled
    copies = ["case_flair (left)", "case_flair (right)"]
    assert [layer.name for layer in empty.layers] == [*copies, *order]
    assert not any(empty.layers[name].visible for name in copies)
    assert empty.layers["case_flair"].visible
    widget.compare("side")
    assert [layer.name for layer in empty.layers if layer.visible] == [
        copies[0], BEFORE, copies[1], AFTER,
    ]  # fmt: skip


def test_blinking_lasts_as_long_as_the_key_is_held(widget, empty):
    from qtpy.QtTest import QTest

    canvas = empty.window._qt_viewer.canvas.native
    QTest.keyPress(canvas, Qt.Key.Key_Q)
    assert {name for name, layer in widget.layers.layers.items() if layer.visible} == {"before"}
    QTest.keyRelease(canvas, Qt.Key.Key_Q)
    assert {name for name, layer in widget.layers.layers.items() if layer.visible} == {"before", "after"}


def test_each_label_has_an_opacity_of_its_own(widget):
    widget.page.opacity.sliders[3].setValue(25)
    colormap = widget.layers.layers["after"].colormap
    assert colormap.map(np.array([3]))[0][3] == pytest.approx(0.25, abs=0.01)
    assert colormap.map(np.array([1]))[0][3] == pytest.approx(1.0)


def test_labels_are_dimmed_and_shown_alone_by_a_key(widget, empty):
    sliders = widget.page.opacity.sliders

    def after(key: Any) -> list[int]:
        press(empty, key)
        return [slider.value() for slider in sliders.values()]

    assert list(sliders) == [1, 3]
    assert [after(Qt.Key.Key_Y) for _ in range(4)] == [[50, 50], [20, 20], [100, 100], [50, 50]]
    assert [after(Qt.Key.Key_N) for _ in range(4)] == [[50, 0], [0, 50], [50, 50], [50, 0]]
    colormap = widget.layers.layers["after"].colormap
    assert colormap.map(np.array([3]))[0][3] == pytest.approx(0)


def test_filters_and_keys_find_what_is_undecided_or_flagged(widget, empty):
    widget.page.decide.comment.setText("vessel?")
    widget.desk.go_to(5)
    press(empty, Qt.Key.Key_G)
    assert widget.review.flag("axial", widget.layers.planes["axial"].index(5)).comment == "vessel?"
    widget.desk.go_to(4)
    press(empty, Qt.Key.Key_H)
    assert widget.desk.step == 5
    widget.page.slices.set_filter("undecided")
    assert widget.page.slices.view.model().rowCount() == 7
    press(empty, Qt.Key.Key_A)
    assert widget.page.slices.view.model().rowCount() == 6
    widget.acts.decide_rest("after")
    assert "6 axial slices" in answer(widget, "Use adapted")
    assert "7 of 7" in widget.page.decide.progress.text()
    assert widget.page.slices.view.model().rowCount() == 0


def test_saving_asks_for_a_name_once_and_writes_everything(widget, empty, folder, qtbot):
    widget.save()
    assert "Enter your name" in widget.page.note.text()
    assert not (folder / "final").exists()
    widget.page.name.setText("A. Reader")
    widget.acts.decide_rest("before")
    answer(widget, "Use original")
    widget.save()
    qtbot.waitUntil(lambda: "report is beside it" in widget.page.note.text(), timeout=30_000)
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


def test_a_folder_reopens_with_decisions_edits_and_place(widget, empty, folder, qtbot):
    widget.desk.go_to(6)
    widget.acts.decide("before")
    widget.edit(True)
    final = widget.layers.layers["final"]
    final.brush_size = 1
    final.paint((widget.desk.step, 4, 4), 1 if final.data[widget.desk.step, 4, 4] != 1 else 3)
    qtbot.waitUntil(lambda: len(widget.review.log) == 2)
    widget.edit(False)
    widget.desk.go_to(4)
    mask, log = widget.review.final.copy(), list(widget.review.log)
    empty.window.remove_dock_widget(widget)
    assert all(layer.editable for layer in empty.layers)
    reader = get_run_folder_reader(str(folder))
    for data, arguments, kind in reader(str(folder)):
        getattr(empty, f"add_{kind}")(data, **arguments)
    np.testing.assert_array_equal(empty.layers["final mask (case)"].data, to_shown(mask, Grid(SHAPE, AFFINE)))
    count = len(empty.layers)
    again = docked(empty)
    assert again.review.log == log
    assert again.desk.step == 4
    assert len(empty.layers) == count, "the reader's layers are taken over"
    assert np.shares_memory(empty.layers["final mask (case)"].data, again.review.final)
    empty.window.remove_dock_widget(again)
    assert len(empty.layers) == count, "what a reader has opened stays"


def test_the_next_case_takes_the_place_of_the_one_before(widget, empty):
    widget.acts.decide("before")
    press(empty, Qt.Key.Key_T)
    assert widget.review.case.name.startswith("a second case")
    assert sum(layer.name.startswith("final mask") for layer in empty.layers) == 1
    np.testing.assert_array_equal(
        empty.layers[f"original mask ({widget.review.case.name})"].data,
        to_shown(widget.review.case.before, widget.review.case.grid),
    )
    press(empty, Qt.Key.Key_T)
    assert widget.review.case.name == "case"
    assert len(widget.review.log) == 1
    assert widget.page.case.currentText() == "under way: case"


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
    step = widget.desk.step
    assert int(model.data(model.index(step, column)).replace(",", "")) > 0
    widget.acts.decide("before")
    assert model.data(model.index(step, column)) == "0"
    widget.acts.decide_everywhere("before")
    answer(widget, "Use original")
    qtbot.waitUntil(lambda: scores.text().count("1.000") == 2)
    widget.acts.undo()
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


def test_a_reference_layer_is_chosen_with_mouse_and_keys(widget, empty, qtbot):
    final = widget.layers.layers["final"]
    place = {key: getattr(final, key) for key in ("scale", "translate", "units", "axis_labels")}
    drawn = empty.add_labels(widget.layers.layers["before"].data.copy(), name="drawn by hand", **place)
    drawn.metadata = dict(empty.layers["case_flair"].metadata)
    tabs, panel = widget.page.tabs, widget.page.reference
    at = [tabs.tabText(index) for index in range(tabs.count())].index("Reference")
    qtbot.mouseClick(tabs.tabBar(), Qt.MouseButton.LeftButton, pos=tabs.tabBar().tabRect(at).center())
    assert panel.combo.isVisibleTo(widget)
    qtbot.keyClick(panel.combo, Qt.Key.Key_Down)
    assert panel.combo.currentText() == "drawn by hand"
    qtbot.waitUntil(lambda: panel.scores.text().count("1.000") == 1)
    for _ in range(2):
        qtbot.keyClick(panel.map, Qt.Key.Key_Down)
    assert "Error map of the adapted mask" in empty.layers
    assert panel.meaning.isVisibleTo(widget)
    for _ in range(2):
        qtbot.keyClick(panel.map, Qt.Key.Key_Up)
    assert "Error map of the adapted mask" not in empty.layers
    assert widget.layers.layers["after"].visible
    qtbot.keyClick(panel.combo, Qt.Key.Key_Up)
    assert not panel.scores.isVisibleTo(widget)


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
    widget.acts.decide("after")
    assert "written by another window" in widget.page.note.text()
    assert widget.review.log == []
    record = json.loads((folder / "run.json").read_text())
    assert record["cases"]


def test_a_run_that_ends_beside_it_is_reviewed(adapt_widget, viewer, ended, qtbot):
    widget = docked(viewer)
    adapt_widget.adapt()
    ended(adapt_widget)
    qtbot.waitUntil(lambda: widget.review is not None, timeout=5000)
    roles = [layer.metadata.get(RESULT_KEY) for layer in viewer.layers]
    assert [roles.count(name) for name in ("before", "after", "difference", "final")] == [1, 1, 1, 1]
    assert widget.run.folder == adapt_widget.cockpit.result.folder
    assert {layer.name for layer in widget.layers.images} == {"patient7_t1", "patient7_t2"}
    assert (widget.run.folder / "review.json").exists() or widget.review.log == []
    # A mask that somebody has deleted, a viewer that was cleared: the button leads to a review each time.
    widget.acts.decide("before")
    widget.view.leave()
    adapt_widget.cockpit.review_wanted.emit()
    assert len(widget.review.log) == 1
    # Other images, perhaps another patient's: neither masks nor review of the earlier one stay.
    for layer in [layer for layer in viewer.layers if RESULT_KEY not in layer.metadata]:
        viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: widget.review is None)
    assert "its review is closed" in widget.page.empty.text()
    viewer.window.remove_dock_widget(widget)


@pytest.mark.slow
def test_a_large_case_is_instant(empty, tmp_path):
    folder = write_run(tmp_path / "large", ("case",), (240, 240, 155))
    widget = docked(empty)
    widget.open_folder(folder)
    from napari_osuda.session.review.slices import slice_table

    begin = time.perf_counter()
    slice_table(widget.review.case, "axial")
    rows = time.perf_counter() - begin
    jumps = []
    for _ in range(9):
        begin = time.perf_counter()
        widget.view.go_to_next("changed")
        jumps.append(time.perf_counter() - begin)
    print(f"rows {rows:.2f} s, jump {1000 * float(np.median(jumps)):.0f} ms")
    # Generous, since a test's machine is shared; half the voxels here carry a label, far more than a tumor.
    assert rows < 3
    assert np.median(jumps) < 0.5


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


@pytest.mark.parametrize("name", ["", "run.json"])
def test_a_run_folder_dropped_on_the_panel_is_reviewed(empty, folder, name, tmp_path):
    widget = docked(empty)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder / name))])
    parts = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    entered = QDragEnterEvent(QPoint(1, 1), *parts)
    entered.ignore()
    widget.dragEnterEvent(entered)
    assert entered.isAccepted()
    widget.dropEvent(QDropEvent(QPoint(1, 1).toPointF(), *parts))
    assert widget.review is not None
    assert widget.run.folder == folder
    data.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    widget.dropEvent(QDropEvent(QPoint(1, 1).toPointF(), *parts))
    assert "is not a run folder" in widget.page.note.text()
    empty.window.remove_dock_widget(widget)
