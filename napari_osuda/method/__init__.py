"""The method of the paper, on tensors: it knows nothing of files, images or windows.

Its settings and presets can be had without torch: the names below are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_osuda.lazy import lazily

if TYPE_CHECKING:
    from napari_osuda.method.config import AdaptationConfig
    from napari_osuda.method.layers import NormLayer, find_layers
    from napari_osuda.method.loop import Adaptation, adapt
    from napari_osuda.method.losses import Activation, hbs_loss, self_entropy
    from napari_osuda.method.outputs import class_fractions, main_output, probabilities
    from napari_osuda.method.presets import PRESETS, Preset, check_complete, preset
    from napari_osuda.method.report import StepReport
    from napari_osuda.method.statistics import source_distance
    from napari_osuda.method.transferability import distance

__all__ = [
    "PRESETS",
    "Activation",
    "Adaptation",
    "AdaptationConfig",
    "NormLayer",
    "Preset",
    "StepReport",
    "adapt",
    "check_complete",
    "class_fractions",
    "distance",
    "find_layers",
    "hbs_loss",
    "main_output",
    "preset",
    "probabilities",
    "self_entropy",
    "source_distance",
]

_HOMES = {
    "Activation": "napari_osuda.method.losses",
    "Adaptation": "napari_osuda.method.loop",
    "AdaptationConfig": "napari_osuda.method.config",
    "NormLayer": "napari_osuda.method.layers",
    "PRESETS": "napari_osuda.method.presets",
    "Preset": "napari_osuda.method.presets",
    "StepReport": "napari_osuda.method.report",
    "adapt": "napari_osuda.method.loop",
    "check_complete": "napari_osuda.method.presets",
    "class_fractions": "napari_osuda.method.outputs",
    "distance": "napari_osuda.method.transferability",
    "find_layers": "napari_osuda.method.layers",
    "hbs_loss": "napari_osuda.method.losses",
    "main_output": "napari_osuda.method.outputs",
    "preset": "napari_osuda.method.presets",
    "probabilities": "napari_osuda.method.outputs",
    "self_entropy": "napari_osuda.method.losses",
    "source_distance": "napari_osuda.method.statistics",
}

__getattr__ = lazily(__name__, _HOMES)
