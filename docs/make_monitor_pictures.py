"""The Monitor at the end of a healthy, a collapsing and a useless run.

Each is a real run on a sample patient with the settings in ``RUNS``, into ``docs/images``. It needs a
display: ``sh tools/with-display.sh .venv/bin/python docs/make_monitor_pictures.py``.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from make_screenshots import IMAGES, LIMIT, MONITOR, settle, until
from PIL import Image
from qtpy.QtCore import QSettings

from napari_osuda.simulation.shipped import sample_models, sample_patients
from napari_osuda.widgets.monitor.course import Course, read_course

MODEL, PATIENT = "whole-tumour-t2", "high-grade-other-contrasts"
WIDTH, HEIGHT = 1100, 900
# What each run changes of the defaults, and what the Monitor has to say of it.
RUNS: dict[str, tuple[dict[str, Any], Course]] = {
    "healthy": ({}, Course.STEADY),
    "collapsing": ({"contrast": "off", "learning_rate": 3e-3, "iterations": 16}, Course.COLLAPSING),
    "useless": ({"learning_rate": 1e-7, "tau": 1e6}, Course.NO_EFFECT),
}


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=list(RUNS), choices=list(RUNS))
    parser.add_argument("--out", type=Path, default=IMAGES)
    options = parser.parse_args()
    for name in options.only:
        with tempfile.TemporaryDirectory() as runs:
            QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, f"{runs}/settings")
            take(*RUNS[name], Path(runs), options.out / f"monitor-{name}.png")


def take(changes: dict[str, Any], expected: Course, runs: Path, out: Path) -> None:
    """One run, and the picture of its Monitor."""
    import napari
    from napari.settings import get_settings

    get_settings().appearance.theme = "light"
    viewer = napari.Viewer(show=True)
    viewer.theme = "light"
    viewer.open_sample("napari-osuda", PATIENT)
    _, widget = viewer.window.add_plugin_dock_widget("napari-osuda", "OSUDA: Adapt")
    widget.folder_panel.set_parent_folder(runs)
    widget.choose_model(sample_models()[MODEL])
    until(lambda: widget.model_panel.model is not None)
    viewer.window.add_plugin_dock_widget("napari-osuda", "OSUDA: Monitor")
    widget.settings_panel.set_values(threads=1, **changes)
    settle()
    widget.adapt()
    until(lambda: widget.run_panel.state in ("done", "failed"))
    reading = read_course(widget.cockpit.history)
    if reading is None or reading.course is not expected:
        raise RuntimeError(f"{out.name}: the Monitor says {reading}, not {expected}.")
    print(reading)
    grab(viewer, out)
    viewer.close()
    settle()


def grab(viewer: Any, path: Path) -> None:
    """A Monitor with room for its plots."""
    from napari_osuda.widgets.monitor.widget import MonitorWidget

    wide = MonitorWidget(viewer)
    wide.setStyleSheet(viewer.window.dock_widgets[MONITOR].window().styleSheet())
    wide.resize(WIDTH, HEIGHT)
    wide.show()
    settle()
    for panel in wide.panels.values():
        panel.refresh()
    settle()
    wide.grab().save(str(path), "PNG")
    picture = Image.open(path).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)
    if path.stat().st_size > LIMIT:
        raise RuntimeError(f"{path} has {path.stat().st_size} bytes, more than {LIMIT}.")
    wide.close()
    wide.deleteLater()


if __name__ == "__main__":
    sample_patients()[PATIENT]
    main()
