"""Training of source models."""

from napari_osuda.benchmark.training.averaging import average_networks
from napari_osuda.benchmark.training.loop import EpochReport, segmentation_loss, train
from napari_osuda.benchmark.training.recipe import Pace, Recipe
from napari_osuda.benchmark.training.slices import TrainingSlices, training_slices
from napari_osuda.benchmark.training.training import train_source

__all__ = [
    "EpochReport",
    "Pace",
    "Recipe",
    "TrainingSlices",
    "average_networks",
    "segmentation_loss",
    "train",
    "train_source",
    "training_slices",
]
