"""Folders in the layouts of BraTS."""

from __future__ import annotations

import nibabel as nib
import numpy as np

OLD = {c: f"_{c}" for c in ("t1", "t1ce", "t2", "flair", "seg")}


NEW = {"t1": "-t1n", "t1ce": "-t1c", "t2": "-t2w", "flair": "-t2f", "seg": "-seg"}


def write_case(folder, names=OLD, enhancing=4, suffix=".nii.gz", seed=0):
    """A small case: a head with a tumor that has all three labels, at BraTS's voxel."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    shape = (60, 60, 5)
    inside = np.zeros(shape, bool)
    inside[8:52, 8:52, 1:4] = True
    labels = np.zeros(shape, np.uint8)
    labels[20:36, 20:36, 1:4] = 2
    labels[24:32, 24:32, 1:4] = enhancing
    labels[26:30, 26:30, 1:4] = 1
    for contrast, ending in names.items():
        image = np.where(inside, 100 + 40.0 * (labels > 0) + rng.normal(0, 5, shape), 0).astype(np.int16)
        data = labels if contrast == "seg" else image
        nib.save(nib.Nifti1Image(data, np.diag([-1.0, -1, 1, 1])), folder / f"{folder.name}{ending}{suffix}")
