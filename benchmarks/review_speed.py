"""How quick the review is on a full head: 155 slices of 240 x 240 voxels, four labels, a reference.

Builds a run folder, opens it in a viewer, and times what a reviewer waits for: from the key to the new
picture on the screen ("seen"), and until nothing is left to be drawn ("settled": napari draws its thumbnails
after the picture). "work" is what this thread did of it: the rest is the drawing library, which without a
graphics card is most. Aims: the rows of a plane under 1 s, a jump seen under 100 ms.

    sh tools/with-display.sh .venv/bin/python benchmarks/review_speed.py
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import nibabel as nib
import numpy as np
from qtpy.QtCore import QSettings, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_osuda.imaging import Grid, write_labels, write_shares
from napari_osuda.session.review.slices import slice_table
from napari_osuda.widgets.review.words import REPORT_DONE

SHAPE = (240, 240, 155)
AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])
LABELS = {0: "background", 1: "necrotic core", 2: "edema", 3: "non-enhancing", 4: "enhancing tumor"}
COLORS = {1: "#56b4e9", 2: "#e69f00", 3: "#009e73", 4: "#cc79a7"}


def tumor(shift: float, seed: int) -> np.ndarray:
    """Four labels in shells with ragged edges, an eighth of the head in all."""
    grid = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in SHAPE), indexing="ij")
    coarse = np.random.default_rng(seed).normal(0, 0.04, (60, 60, 39)).astype(np.float32)
    ragged = coarse.repeat(4, 0).repeat(4, 1).repeat(4, 2)[:, :, : SHAPE[2]]
    far = np.sqrt((grid[0] - shift) ** 2 + (grid[1] + 0.2) ** 2 + 0.8 * grid[2] ** 2) + ragged
    mask = np.zeros(SHAPE, np.uint8)
    for value, radius in ((2, 0.6), (3, 0.42), (4, 0.32), (1, 0.2)):
        mask[far < radius] = value
    return mask


def write_run(folder: Path) -> tuple[Path, Path]:
    """A run folder as a run leaves it, as far as the review reads it, and a reference."""
    grid = Grid(SHAPE, AFFINE)
    before, after, truth = tumor(0.2, 0), tumor(0.28, 1), tumor(0.25, 2)
    rng = np.random.default_rng(0)
    image = np.where(tumor(0.0, 3) + (rng.random(SHAPE) > 0.3), 100 + 30 * truth, 0).astype(np.float32)
    nib.save(nib.Nifti1Image(image, AFFINE), folder / "case_flair.nii.gz")
    run = folder / "run"
    write_labels(run / "before" / "case.nii.gz", before, grid)
    write_labels(run / "after" / "case.nii.gz", after, grid)
    write_shares(run / "uncertainty" / "case.nii.gz", (before != after) * 0.7, grid)
    write_labels(folder / "reference.nii.gz", truth, grid)
    card = {
        "name": "Four labels", "plane": "axial", "labels": {str(k): v for k, v in LABELS.items()},
        "colours": {str(k): v for k, v in COLORS.items()},
        "regions": {"WT": [1, 2, 3, 4], "TC": [1, 3, 4], "ET": [4]},
    }  # fmt: skip
    entry = {
        "name": "case", "recommendation": {"decision": "accept", "reasons": []},
        "inputs": [{"channel": "flair", "path": str(folder / "case_flair.nii.gz"), "sha256": None}],
    }  # fmt: skip
    record = {"method": "osuda", "config": {}, "outcome": "done", "cases": [entry],
              "model": {"path": "model", "sha256": "0" * 64, "card": card}}  # fmt: skip
    (run / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return run, folder / "reference.nii.gz"


class Stopwatch:
    """Times acts on a window until nothing is left to be drawn."""

    def __init__(self, viewer: Any) -> None:
        canvas = viewer.window._qt_viewer.canvas
        self._canvas = canvas.native
        self._drawn = False
        canvas._scene_canvas.events.draw.connect(self._on_draw)

    def _on_draw(self, event: Any) -> None:
        self._drawn = True

    def settle(self) -> None:
        """Let everything happen that is due: the last of it is the picture."""
        for _ in range(3):
            QApplication.processEvents()

    def key(self, key: Any, modifier: Any = Qt.KeyboardModifier.NoModifier) -> Callable[[], None]:
        """A key on the picture."""
        return lambda: QTest.keyClick(self._canvas, key, modifier)

    def times(self, act: Callable[[], Any], repeats: int) -> list[tuple[float, float, float]]:
        """Seconds of each of several acts: until the picture is there, until all is, and of work alone."""
        found = []
        for _ in range(repeats):
            self.settle()
            self._drawn = False
            begin, worked = time.perf_counter(), time.thread_time()
            act()
            # The window is put together once the picture is drawn, in the same round of events.
            QApplication.processEvents()
            seen = time.perf_counter()
            drawn = self._drawn
            self.settle()
            end = time.perf_counter()
            found.append(((seen if drawn else end) - begin, end - begin, time.thread_time() - worked))
        return found


def napari_alone(viewer: Any, repeats: int) -> list[tuple[float, float, float]]:
    """What a step costs without any of this package: the picture's share of every figure below."""
    before, after = tumor(0.2, 0).transpose(2, 1, 0), tumor(0.28, 1).transpose(2, 1, 0)
    viewer.add_image(before.astype(np.float32))
    viewer.add_labels(after)
    viewer.add_labels(before).contour = 1
    at = iter(range(60, 150))
    found = Stopwatch(viewer).times(lambda: viewer.dims.set_current_step(0, next(at)), repeats)
    viewer.layers.clear()
    return found


def told(what: str, seconds: list[tuple[float, float, float]], aim: float | None = None) -> None:
    """Print a line: medians, and the longest that it took to be seen."""
    seen, settled, work = (statistics.median(column) * 1000 for column in zip(*seconds, strict=True))
    worst = max(first for first, _, _ in seconds) * 1000
    note = "" if aim is None else f"aim {aim * 1000:.0f}"
    print(f"{what:<52} {seen:7.0f} {worst:7.0f} {settled:7.0f} {work:7.0f}  {note}", flush=True)


def wait_for_report(widget: Any) -> None:
    """Let the window live until the report is there."""
    while REPORT_DONE not in widget.page.note.text():
        QTest.qWait(20)


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=20)
    repeats = options.parse_args().repeats
    with tempfile.TemporaryDirectory() as work:
        scope = QSettings.Scope.UserScope
        QSettings.setPath(QSettings.Format.NativeFormat, scope, str(Path(work) / "settings"))
        folder, reference = write_run(Path(work))
        viewer = napari.Viewer(show=True)
        viewer.window._qt_window.resize(1600, 1000)
        print(f"{'milliseconds':<52} {'seen':>7} {'worst':>7} {'settled':>7} {'work':>7}")
        told("napari alone, an image and two masks: a slice on", napari_alone(viewer, repeats))
        from napari_osuda.widgets.review.widget import ReviewWidget

        widget = ReviewWidget(viewer)
        viewer.window.add_dock_widget(widget, name="OSUDA: Review")
        clock = Stopwatch(viewer)
        told("open the run folder", clock.times(lambda: widget.open_folder(folder), 1))
        assert widget.review is not None, widget.page.note.text()
        for plane in widget.review.axes:
            rows = clock.times(lambda plane=plane: slice_table(widget.review.case, plane), 3)
            told(f"rows of the {plane} plane", rows, 1.0)
        told("next changed slice (J)", clock.times(clock.key(Qt.Key.Key_J), repeats), 0.1)
        told("next undecided slice (U)", clock.times(clock.key(Qt.Key.Key_U), repeats), 0.1)
        told("accept and go on (A)", clock.times(clock.key(Qt.Key.Key_A), repeats), 0.1)
        told("undo (Ctrl+Z)", clock.times(clock.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier), 5))
        for name, key in (("overlay", "W"), ("side by side", "S"), ("difference", "D"), ("final", "R")):
            told(f"{name} ({key})", clock.times(clock.key(getattr(Qt.Key, f"Key_{key}")), 1))
        told("read a reference", clock.times(lambda: widget.read_reference(reference), 1))
        told("next changed slice, with a reference", clock.times(clock.key(Qt.Key.Key_J), repeats), 0.1)
        told("accept and go on, with a reference", clock.times(clock.key(Qt.Key.Key_A), repeats), 0.1)
        # With slices undecided a save would ask.
        widget.review.decide("after", None)
        widget.page.name.setText("A. Reader")
        told("save (the report comes after)", clock.times(widget.save, 1))
        told("report, in the background", clock.times(lambda: wait_for_report(widget), 1))
        viewer.close()


if __name__ == "__main__":
    main()
