"""A picture of napari with a finished run: ``python -m napari_osuda.cli.screenshot RUN PICTURE``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["take_picture"]


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
        masks = [viewer.layers[name] for name in ("after", "before") if name in viewer.layers]
        marked = next((mask for mask in masks if mask.data.any()), None)
        if marked is not None:
            viewer.dims.set_current_step(0, int(np.argmax((marked.data != 0).sum(axis=(1, 2)))))
        viewer.reset_view()
        viewer.screenshot(str(picture), canvas_only=False, flash=False)
    finally:
        viewer.close()


if __name__ == "__main__":
    take_picture(Path(sys.argv[1]), Path(sys.argv[2]))
