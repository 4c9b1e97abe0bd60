"""Small patients to train on."""

from __future__ import annotations

import numpy as np

from napari_osuda.benchmark.training.slices import TrainingSlices, training_slices
from napari_osuda.imaging import Grid, SliceSpec, case_from_arrays

SPEC = SliceSpec(size=(32, 32), field_of_view_mm=(64.0, 64.0))


def squares(seed: int, depth: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Draw a disc of brain with a bright square of label 4 in it, inside a square of label 2."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((32, 32, depth), np.uint8)
    i, j = rng.integers(10, 16, 2)
    labels[i : i + 7, j : j + 7, 1:-1] = 2
    labels[i + 2 : i + 5, j + 2 : j + 5, 1:-1] = 4
    x, y = np.mgrid[-15.5:16.5, -15.5:16.5]
    brain = (np.hypot(x, y) < 14)[..., None] & np.ones(depth, bool)
    image = (100 + 60.0 * labels + rng.normal(0, 8, labels.shape)) * brain
    image[:, :, 0] = 0
    return image, labels


def cohort(count: int = 4) -> TrainingSlices:
    grid = Grid((32, 32, 6), np.diag([2.0, 2, 3, 1]))
    parts = []
    for seed in range(count):
        image, labels = squares(seed)
        case = case_from_arrays(str(seed), {"t2": image}, grid)
        parts.append(training_slices(case, labels, SPEC, {0: 0, 2: 1, 4: 2}))
    return TrainingSlices.join(parts)
