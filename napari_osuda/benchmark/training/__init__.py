"""Training of source models."""

from napari_osuda.benchmark.training.averaging import average_networks
from napari_osuda.benchmark.training.recipe import Recipe
from napari_osuda.benchmark.training.slices import TrainingSlices, training_slices
from napari_osuda.benchmark.training.training import EpochReport, segmentation_loss, train_source

__all__ = [
    "EpochReport",
    "Recipe",
    "TrainingSlices",
    "average_networks",
    "segmentation_loss",
    "train_source",
    "training_slices",
]
