"""A picture of napari with a finished run: ``python -m napari_osuda.demo_screenshot RUN PICTURE``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from napari_osuda.evaluation import DIFFERENCE, difference
from napari_osuda.imaging import read_labels, read_volume
from napari_osuda.imaging.world import layer_arguments, to_shown

__all__ = ["show_run", "take_picture"]


def show_run(viewer: Any, folder: Path) -> None:
    """Add a run's first case to a viewer: image, before, after, difference, at the slice of most change."""
    from napari.utils.colormaps import DirectLabelColormap

    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    case, card = record["cases"][0], record["model"]["card"]
    image = read_volume(case["inputs"][0]["path"])
    place = layer_arguments(image.grid, image.path)
    shown = to_shown(image.data, image.grid)
    limits = (float(shown.min()), float(np.percentile(shown, 99.9)))
    viewer.add_image(shown, name=case["inputs"][0]["channel"], contrast_limits=limits, **place)
    masks = {
        kind: to_shown(read_labels(folder / kind / f"{case['name']}.nii.gz")[0], image.grid)
        for kind in ("before", "after")
    }
    colours: dict[int | None, str] = {int(v): c for v, c in card["colours"].items()}
    changed = difference(masks["before"], masks["after"])
    differs: dict[int | None, str] = {v: colour for v, (_, colour) in DIFFERENCE.items()}
    for name, labels, table in (
        ("before", masks["before"], colours),
        ("after", masks["after"], colours),
        ("difference", changed, differs),
    ):
        colormap = DirectLabelColormap(color_dict={**table, 0: "transparent", None: "transparent"})
        viewer.add_labels(labels, name=name, colormap=colormap, opacity=0.6, visible=name == "after", **place)
    most = int(np.argmax((masks["after"] != 0).sum(axis=(1, 2)) + (changed != 0).sum(axis=(1, 2))))
    viewer.dims.set_current_step(0, most)
    viewer.scene.camera.orientation2d = ("up", "left")
    viewer.reset_view()


def take_picture(folder: Path, picture: Path) -> None:
    """Open napari on a run, take a picture of its window and close it."""
    import napari

    viewer: Any = napari.Viewer(show=True)
    try:
        show_run(viewer, folder)
        viewer.screenshot(str(picture), canvas_only=False, flash=False)
    finally:
        viewer.close()


if __name__ == "__main__":
    take_picture(Path(sys.argv[1]), Path(sys.argv[2]))
