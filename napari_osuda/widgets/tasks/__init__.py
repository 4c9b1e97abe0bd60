"""The smallest tasks, each a form of a few fields: save a mask, evaluate it against another."""

from __future__ import annotations

from napari_osuda.widgets.tasks.evaluating import evaluate_layers
from napari_osuda.widgets.tasks.saving import save_mask

__all__ = ["evaluate_layers", "save_mask"]
