"""A picture of napari with a finished run: ``python -m napari_osuda.cli.screenshot RUN PICTURE``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from napari_osuda.napari_layers.masks import RESULT_KEY

__all__ = ["most_marked", "take_picture"]


def take_picture(folder: Path, picture: Path) -> None:
    """Open a run folder in napari as a user would, at the slice with the most of its mask, and picture it.

    Parameters
    ----------
    folder : Path
        Of a finished run.
    picture : Path
        PNG to write.
    """
    import napari
    from qtpy.QtWidgets import QApplication

    viewer: Any = napari.Viewer(show=True)
    try:
        viewer.window.resize(1500, 950)
        viewer.open(str(folder), plugin="napari-osuda")
        # The review panel opens once the layers are in.
        for _ in range(20):
            QApplication.processEvents()
        step = most_marked(viewer.layers)
        if step is not None:
            viewer.dims.set_current_step(0, step)
        viewer.reset_view()
        viewer.screenshot(str(picture), canvas_only=False, flash=False)
    finally:
        viewer.close()


def most_marked(layers: Iterable[Any]) -> int | None:
    """The slice in which the adapted mask, or else the original one, marks most; None where neither does."""
    masks = {layer.metadata.get(RESULT_KEY): layer.data for layer in layers}
    for role in ("after", "before"):
        if role in masks and masks[role].any():
            return int(np.argmax((masks[role] != 0).sum(axis=(1, 2))))
    return None


if __name__ == "__main__":
    take_picture(Path(sys.argv[1]), Path(sys.argv[2]))
