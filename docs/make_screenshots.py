"""Pictures of napari before, during and after a run on the sample data: ``python docs/make_screenshots.py``.

Dark and light, into ``docs/images``. They need a display, real or virtual (``make docs`` starts one).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Where the display is drawn by software, torch's compiler has to be there before it.
import torch._dynamo  # noqa: F401
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_osuda.simulation.shipped import sample_models, sample_patients

IMAGES = Path(__file__).parent / "images"
MONITOR = "OSUDA: Monitor (napari-osuda)"
MODEL, PATIENT = "glioma-four-contrasts", "high-grade-other-scanner"
WIDTH, HEIGHT, DOCK = 1440, 920, 330
ITERATIONS, DURING = 20, 12
LIMIT = 300_000


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--themes", nargs="+", default=["dark", "light"])
    parser.add_argument("--iterations", type=int, default=ITERATIONS)
    parser.add_argument("--out", type=Path, default=IMAGES)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for theme in options.themes:
        with tempfile.TemporaryDirectory() as runs:
            take(theme, options.iterations, Path(runs), options.out)


def take(theme: str, iterations: int, runs: Path, out: Path) -> None:
    """One run from an empty viewer to its result, in one theme."""
    import napari
    from napari.settings import get_settings

    get_settings().appearance.theme = theme
    viewer = napari.Viewer(show=True)
    viewer.theme = theme
    viewer.window.resize(WIDTH, HEIGHT)
    _, widget = viewer.window.add_plugin_dock_widget("napari-osuda", "OSUDA: Adapt")
    picture(viewer, out / f"empty-{theme}.png")

    viewer.open_sample("napari-osuda", PATIENT)
    widget.folder_panel.set_parent_folder(runs)
    widget.choose_model(sample_models()[MODEL])
    until(lambda: widget.model_panel.model is not None)
    widget.settings_panel.set_values(iterations=iterations, threads=1)
    show_lesion(viewer)
    picture(viewer, out / f"before-{theme}.png")

    _, monitor = viewer.window.add_plugin_dock_widget("napari-osuda", "OSUDA: Monitor")
    beside(widget, monitor)
    viewer.reset_view()
    widget.adapt()
    until(lambda: reached(widget, min(DURING, iterations - 1)))
    widget.run_panel.pause_button.click()
    until(lambda: widget.run_panel.state == "paused")
    picture(viewer, out / f"during-{theme}.png")
    widget.run_panel.pause_button.click()
    until(lambda: widget.run_panel.state in ("done", "failed"))
    picture(viewer, out / f"after-{theme}.png")

    monitor_picture(viewer, out / f"monitor-{theme}.png")
    widget.outcome_panel.preferred.emit("difference")
    picture(viewer, out / f"difference-{theme}.png")
    widget.settings_panel.expert.expand(animate=False)
    settle()
    widget.scroller.ensureWidgetVisible(widget.settings_panel.expert)
    picture(viewer, out / f"settings-{theme}.png")
    viewer.close()
    settle()


def show_lesion(viewer: Any) -> None:
    """Go to the slice with the most tumour, so that there is something to see."""
    areas = (viewer.layers["reference"].data != 0).sum(axis=(1, 2))
    viewer.dims.set_current_step(0, int(areas.argmax()))


def beside(first: Any, second: Any) -> None:
    """Put the second dock to the right of the first, as a user would drag it."""
    window = first.window()
    docks = [first.parentWidget(), second.parentWidget()]
    window.splitDockWidget(*docks, Qt.Orientation.Horizontal)
    window.resizeDocks(docks, [DOCK, DOCK], Qt.Orientation.Horizontal)
    settle()


def monitor_picture(viewer: Any, path: Path) -> None:
    """The monitor as it looks with room for three columns, a channel pointed at."""
    from napari_osuda.widgets.monitor import MonitorWidget

    wide = MonitorWidget(viewer)
    wide.setStyleSheet(viewer.window.dock_widgets[MONITOR].window().styleSheet())
    wide.resize(WIDTH, 700)
    wide.show()
    settle()
    for panel in wide.panels.values():
        panel.refresh()
    wide.panels["distance"].point_at(9.5, 4.5)
    settle()
    wide.grab().save(str(path), "PNG")
    wide.close()
    wide.deleteLater()


def reached(widget: Any, iterations: int) -> bool:
    """Whether so many steps are done (or the run has ended without)."""
    history = widget.cockpit.history
    return widget.run_panel.state == "failed" or (history is not None and len(history) >= iterations)


def picture(viewer: Any, path: Path) -> None:
    """The whole window."""
    settle()
    window = Image.fromarray(viewer.window.screenshot(canvas_only=False, flash=False)).convert("RGB")
    window.save(path, optimize=True)
    if path.stat().st_size > LIMIT:
        window.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path} {path.stat().st_size // 1000} kB", flush=True)


def until(done: Callable[[], bool], seconds: float = 1800.0) -> None:
    """Let the window live until something is so."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise TimeoutError("The window did not get there.")
        QApplication.processEvents()
        time.sleep(0.005)
    settle()


def settle() -> None:
    """Let everything that is under way be drawn."""
    end = time.monotonic() + 0.4
    while time.monotonic() < end:
        QApplication.processEvents()


if __name__ == "__main__":
    # Fails at once, with a sentence, where the sample data are not built.
    sample_patients()[PATIENT]
    main()
