"""The sample patients under File > Open Sample > OSUDA."""

from __future__ import annotations

import numpy as np

from napari_osuda.imaging import read_labels, read_volume
from napari_osuda.imaging.world import layer_arguments, to_shown
from napari_osuda.napari_layers.images import LayerData
from napari_osuda.napari_layers.orientation import show_patient_soon
from napari_osuda.simulation.shipped import sample_patients

__all__ = ["high_grade_other_contrasts", "high_grade_other_scanner", "low_grade", "sample_layers"]


def low_grade() -> list[LayerData]:
    """A simulated low-grade glioma in four contrasts, with its true labels (npe2 sample contribution)."""
    return sample_layers("low-grade")


def high_grade_other_contrasts() -> list[LayerData]:
    """A simulated high-grade glioma as FLAIR, T1 and T1ce, with its true labels."""
    return sample_layers("high-grade-other-contrasts")


def high_grade_other_scanner() -> list[LayerData]:
    """A simulated high-grade glioma from another scanner in four contrasts, with its true labels."""
    return sample_layers("high-grade-other-scanner")


def sample_layers(name: str) -> list[LayerData]:
    """The images of a sample patient, by its name, and its true labels, hidden at first."""
    patient = sample_patients()[name]
    layers: list[LayerData] = []
    for contrast, path in patient.images.items():
        volume = read_volume(path)
        shown = np.ascontiguousarray(to_shown(volume.data, volume.grid))
        limits = (float(shown.min()), float(np.percentile(shown, 99.9)))
        arguments = {"name": contrast, "contrast_limits": limits, **layer_arguments(volume.grid, path)}
        # One image is seen at a time: the contrast that shows a glioma best.
        arguments["visible"] = contrast == "flair"
        layers.append((shown, arguments, "image"))
    labels, grid = read_labels(patient.reference)
    shown = np.ascontiguousarray(to_shown(labels, grid))
    # Hidden at first: who sees the answer beforehand does not look at the mask.
    reference = {"name": "reference", "visible": False, **layer_arguments(grid, patient.reference)}
    layers.append((shown, reference, "labels"))
    show_patient_soon()
    return layers
