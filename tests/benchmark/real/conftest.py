"""Small data sets in the layouts of the public ones."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

PATIENTS = {
    "TCGA_DU_0001_19900101": (),
    "TCGA_DU_0002_19900101": ("T1 post",),
    "TCGA_DU_5874_19950510": (),
    "TCGA_DU_5851_19950428": (),
    "TCGA_HT_7473_19970826": (),
    "TCGA_CS_4941_19960909": (),
    "TCGA_CS_4942_19970222": ("T1", "T1 post"),
}


def _write_patient(folder, lacking=(), size=64, slices=4, seed=0):
    """A head with a lesion that is bright on FLAIR and dark on T1, a picture a slice."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size] / size - 0.5
    head = np.hypot(rows, columns) < 0.4
    lesion = np.hypot(rows + 0.1, columns - 0.15) < 0.12
    for number in range(1, slices + 1):
        here = lesion & (number > 1)
        noise = rng.integers(0, 12, (3, size, size))
        t1, flair, post = (noise[k] + head * np.where(here, v, 100) for k, v in enumerate((60, 200, 150)))
        colors = [flair if "T1" in lacking else t1, flair, flair if "T1 post" in lacking else post]
        name = f"{folder.name}_{number}"
        Image.fromarray(np.stack(colors, axis=-1).astype(np.uint8)).save(folder / f"{name}.tif")
        Image.fromarray((here * 255).astype(np.uint8)).save(folder / f"{name}_mask.tif")


@pytest.fixture
def write_patient():
    return _write_patient


@pytest.fixture
def lgg_root(tmp_path):
    root = tmp_path / "lgg"
    for seed, (name, lacking) in enumerate(PATIENTS.items()):
        _write_patient(root / "kaggle_3m" / name, lacking, slices=20 if "DU_000" in name else 4, seed=seed)
    return root


@pytest.fixture
def hippocampus_root(tmp_path):
    root = tmp_path / "Task04_Hippocampus"
    for folder in ("imagesTr", "labelsTr"):
        (root / folder).mkdir(parents=True)
    for number in range(1, 7):
        rng = np.random.default_rng(number)
        image = rng.normal(400, 40, (20, 30, 18)).astype(np.float32)
        labels = np.zeros(image.shape, np.uint8)
        labels[6:14, 16:24, 6:12], labels[6:14, 8:16, 6:12] = 1, 2
        image[labels > 0] -= 150
        name = f"hippocampus_{number:03d}.nii.gz"
        nib.save(nib.Nifti1Image(image, np.eye(4)), root / "imagesTr" / name)
        nib.save(nib.Nifti1Image(labels, np.eye(4)), root / "labelsTr" / name)
    return root
