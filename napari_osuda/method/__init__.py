"""The method of the paper, on tensors: it knows nothing of files, images or windows."""

from napari_osuda.method.config import AdaptationConfig
from napari_osuda.method.layers import NormLayer, find_layers
from napari_osuda.method.loop import Adaptation, adapt
from napari_osuda.method.losses import Activation, hbs_loss, self_entropy
from napari_osuda.method.outputs import class_fractions, main_output, probabilities
from napari_osuda.method.presets import PRESETS, Preset, check_complete, preset
from napari_osuda.method.report import StepReport
from napari_osuda.method.statistics import source_distance
from napari_osuda.method.transferability import distance, transferability

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
    "transferability",
]
