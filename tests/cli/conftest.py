"""A small model of two contrasts, and a patient."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import torch

from napari_osuda.models import ModelCard, write_model_folder
from napari_osuda.networks import UNet

AFFINE = np.diag([-2.0, -2.0, 3.0, 1.0])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(0)
    network = UNet(2, 2, (4, 8))
    with torch.no_grad():
        network(torch.randn(8, 2, 16, 16))
    card = ModelCard.of(
        name="Two contrasts", channels=("t1", "t2"), output_channels=("background", "lesion"),
        labels={0: "background", 1: "lesion"}, regions={"WT": (1,)}, step=(2, 2), minimum=(8, 8),
        architecture={"import_from": "napari_osuda.networks", "callable": "UNet",
                      "kwargs": {"in_channels": 2, "out_channels": 2, "features": [4, 8]}},
    )  # fmt: skip
    return write_model_folder(tmp_path_factory.mktemp("m") / "model", network.eval(), card)


@pytest.fixture
def patient(tmp_path):
    folder = tmp_path / "Patient 7"
    folder.mkdir()
    rng = np.random.default_rng(0)
    inside = np.zeros((20, 22, 6), bool)
    inside[3:17, 3:19, 1:5] = True
    for name in ("t1", "T2"):
        image = np.where(inside, rng.normal(100, 20, inside.shape), 0).astype(np.float32)
        nib.save(nib.Nifti1Image(image, AFFINE), folder / f"p7_{name}.nii.gz")
    labels = np.zeros(inside.shape, np.uint8)
    labels[6:10, 6:10, 2:4] = 1
    nib.save(nib.Nifti1Image(labels, AFFINE), folder / "p7_seg.nii.gz")
    return folder
