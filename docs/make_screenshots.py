"""Pictures of napari in each state of a run on the sample data: ``python docs/make_screenshots.py``.

Ready, running, done, a past iteration, a channel on the image, the difference with all settings, and cut off
and offered again. Into ``docs/images``. They need a display, real or virtual (``make pictures`` starts one).
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
from qtpy.QtCore import QSettings
from qtpy.QtWidgets import QApplication

from napari_osuda.simulation.shipped import sample_models, sample_patients

IMAGES = Path(__file__).parent / "images"
MODEL, PATIENT = "glioma-four-contrasts", "high-grade-other-scanner"
WIDTH, HEIGHT = 1440, 1000
ITERATIONS, DURING, PAST = 20, 12, 5
LIMIT = 300_000


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--themes", nargs="+", default=["light"])
    parser.add_argument("--iterations", type=int, default=ITERATIONS)
    parser.add_argument("--out", type=Path, default=IMAGES)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for theme in options.themes:
        with tempfile.TemporaryDirectory() as runs:
            # What the panels remember is not the settings of whoever takes the pictures.
            QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, f"{runs}/settings")
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

    viewer.open_sample("napari-osuda", PATIENT)
    widget.folder_panel.set_parent_folder(runs)
    widget.choose_model(sample_models()[MODEL])
    until(lambda: widget.model_panel.model is not None)
    widget.settings_panel.set_values(iterations=iterations, threads=1)
    show_lesion(viewer)
    picture(viewer, out / f"before-{theme}.png")

    _, monitor = viewer.window.add_plugin_dock_widget("napari-osuda", "OSUDA: Monitor")
    settle()
    viewer.reset_view()
    widget.adapt()
    until(
        lambda: any("preview" in layer.name for layer in viewer.layers) or widget.run_panel.state == "failed"
    )
    until(lambda: reached(widget, min(DURING, iterations - 1)))
    picture(viewer, out / f"during-{theme}.png")
    until(lambda: widget.run_panel.state in ("done", "failed"))
    picture(viewer, out / f"after-{theme}.png")

    past(viewer, widget, monitor, theme, out)
    widget.outcome_panel.preferred.emit("difference")
    widget.settings_panel.expert.expand(animate=False)
    settle()
    widget.scroller.ensureWidgetVisible(widget.settings_panel.expert)
    picture(viewer, out / f"settings-{theme}.png")
    widget.settings_panel.expert.collapse(animate=False)
    ends(viewer, widget, monitor, theme, runs, out)
    viewer.close()
    settle()


def past(viewer: Any, widget: Any, monitor: Any, theme: str, out: Path) -> None:
    """An iteration of the run that has ended, and what the channel that moved most responds to."""
    widget.results.prefer("")
    monitor.timeline.go_to(min(PAST, monitor.cockpit.history.iterations))
    until(lambda: any(layer.name.startswith("iteration") for layer in viewer.layers))
    picture(viewer, out / f"timeline-{theme}.png")
    monitor.timeline.go_to(None)
    history = monitor.cockpit.history
    monitor.pin(int(history["distance"][-1][: history.layers[1].offset].argmax()))
    until(lambda: any("adapted model" in layer.name for layer in viewer.layers))
    picture(viewer, out / f"channel-{theme}.png")
    monitor.pin(monitor.pinned.pinned[0])
    widget.results.prefer(widget.outcome_panel.choice)


def ends(viewer: Any, widget: Any, monitor: Any, theme: str, runs: Path, out: Path) -> None:
    """A run that is cut off and offered again."""
    widget.adapt()
    until(lambda: widget.run_panel.state == "running" and reached(widget, 3))
    for other in (widget, monitor):
        viewer.window.remove_dock_widget(other)
    _, again = viewer.window.add_plugin_dock_widget("napari-osuda", "OSUDA: Adapt")
    again.folder_panel.set_parent_folder(runs)
    again.resume_panel.look([runs])
    until(lambda: bool(again.resume_panel.runs))
    again.choose_model(sample_models()[MODEL])
    until(lambda: again.model_panel.model is not None)
    picture(viewer, out / f"resume-{theme}.png")


def show_lesion(viewer: Any) -> None:
    """Go to the slice with the most tumor, so that there is something to see."""
    areas = (viewer.layers["reference"].data != 0).sum(axis=(1, 2))
    viewer.dims.set_current_step(0, int(areas.argmax()))


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
