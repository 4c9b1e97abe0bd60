"""How the images of our reader are turned when they are seen first."""

from __future__ import annotations

from typing import Any

from napari_osuda.imaging.world import METADATA_KEY

__all__ = ["look_radiological"]


def look_radiological(viewer: Any) -> bool:
    """Anterior up, the patient's right on the left of the screen; whether our reader's layers are there."""
    if any(METADATA_KEY in layer.metadata for layer in viewer.layers):
        viewer.scene.camera.orientation2d = ("up", "left")
        return True
    return False
