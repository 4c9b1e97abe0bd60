"""The moving picture of the README: the demo's run in napari, a frame for each iteration.

Real frames of a real run, into ``docs/images/run.gif``. It needs a display, real or virtual:
``sh tools/with-display.sh .venv/bin/python docs/make_animation.py``.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from make_screenshots import IMAGES, reached, settle, show_lesion, until
from PIL import Image
from qtpy.QtCore import QSettings

from napari_osuda.simulation.shipped import sample_models, sample_patients

MODEL, PATIENT = "whole-tumour-t2", "high-grade-other-contrasts"
WINDOW = (1100, 720)
# Of the moving picture, in pixels; what it may weigh, in bytes.
WIDTH = 880
LIMIT = 3_000_000
# How long a frame stands, in ms: those before and after the run longer.
STILL, MOVING, END = 1800, 500, 4000


def main() -> None:
    """Take the frames and put them together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=IMAGES / "run.gif")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as runs:
        QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, f"{runs}/settings")
        frames = take(Path(runs))
    write(frames, options.out)


def take(runs: Path) -> list[tuple[Image.Image, int]]:
    """The frames, and how long each stands."""
    import napari
    from napari.settings import get_settings

    get_settings().appearance.theme = "dark"
    viewer = napari.Viewer(show=True)
    viewer.window.resize(*WINDOW)
    _, widget = viewer.window.add_plugin_dock_widget("napari-osuda", "OSUDA: Adapt")
    viewer.open_sample("napari-osuda", PATIENT)
    widget.folder_panel.set_parent_folder(runs)
    widget.choose_model(sample_models()[MODEL])
    until(lambda: widget.model_panel.model is not None)
    widget.settings_panel.set_values(threads=1)
    show_lesion(viewer)
    viewer.layers["reference"].visible = False
    for layer in viewer.layers:
        if layer.name.endswith(("t1", "t1ce")):
            layer.visible = False
    viewer.reset_view()
    frames = [(frame(viewer), STILL)]
    widget.adapt()
    done = 0
    while widget.run_panel.state not in ("done", "failed"):
        wanted = done + 1
        until(lambda: reached(widget, wanted) or widget.run_panel.state in ("done", "failed"))  # noqa: B023
        done = wanted
        frames.append((frame(viewer), MOVING))
    if widget.run_panel.state == "failed":
        raise RuntimeError(widget.run_panel.label.text())
    # Once more the slice that was watched: the original mask, then the adapted one.
    show_lesion(viewer)
    for role, time in (("original", STILL), ("adapted", END)):
        for layer in viewer.layers:
            if "mask" in layer.name:
                layer.visible = layer.name.startswith(role)
        frames.append((frame(viewer), time))
    viewer.close()
    settle()
    return frames


def frame(viewer: Any) -> Image.Image:
    """The window as it is."""
    settle()
    shot = Image.fromarray(viewer.window.screenshot(canvas_only=False, flash=False)).convert("RGB")
    return shot.resize((WIDTH, round(shot.height * WIDTH / shot.width)), Image.Resampling.LANCZOS)


def write(frames: list[tuple[Image.Image, int]], out: Path) -> None:
    """A GIF with one palette for all frames, so that what does not move is not written again."""
    palette = frames[-1][0].quantize(128, dither=Image.Dither.NONE)
    images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image, _ in frames]
    times = [time for _, time in frames]
    images[0].save(out, save_all=True, append_images=images[1:], duration=times, loop=0, optimize=True)
    size = out.stat().st_size
    if size > LIMIT:
        raise RuntimeError(f"{out} has {size} bytes, more than {LIMIT}.")
    print(f"{out} {size // 1000} kB, {len(frames)} frames")


if __name__ == "__main__":
    sample_patients()[PATIENT]
    main()
