from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from session_parts import AFFINE, head

from napari_osuda.imaging import read_case
from napari_osuda.models import ModelCard, load_model, write_model_folder
from napari_osuda.networks import UNet


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network that has learned to see the lesion in heads like the fixture's."""
    torch.manual_seed(0)
    network = UNet(1, 2, (4, 8))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    image, lesion = head(seed=1)
    inside = image != 0
    z = np.where(inside, (image - image[inside].mean()) / image[inside].std(), 0)
    x = torch.from_numpy(np.moveaxis(z, 2, 0)[:, None, :32, :32].astype(np.float32))
    x = torch.nn.functional.pad(x, (0, 32 - x.shape[3], 0, 32 - x.shape[2]))
    y = torch.zeros(x.shape[0], 32, 32, dtype=torch.long)
    y[:, :30] = torch.from_numpy(np.moveaxis(lesion, 2, 0)[:, :30, :32].astype(np.int64))
    weight = torch.tensor([1.0, 5.0])
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(network(x), y, weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    card = ModelCard.of(
        name="Bright spot",
        channels=("t2",),
        output_channels=("background", "lesion"),
        labels={0: "background", 3: "lesion"},
        regions={"WT": (3,)},
        step=(2, 2),
        minimum=(8, 8),
        architecture={"import_from": "napari_osuda.networks", "callable": "UNet",
                      "kwargs": {"in_channels": 1, "out_channels": 2, "features": [4, 8]}},
    )  # fmt: skip
    return write_model_folder(tmp_path_factory.mktemp("models") / "spot", network.eval(), card)


@pytest.fixture
def model(model_folder):
    return load_model(model_folder)


@pytest.fixture
def patient(tmp_path) -> Path:
    """A patient's folder: one contrast of another scanner, whose intensities are on another scale."""
    image, lesion = head(seed=2)
    folder = tmp_path / "patient"
    folder.mkdir()
    scaled = np.where(image != 0, image * 3 + 40, 0).astype(np.float32)
    for name, array in (("patient_t2.nii.gz", scaled), ("patient_seg.nii.gz", lesion * 3)):
        nib.save(nib.Nifti1Image(array, AFFINE), folder / name)
    return folder


@pytest.fixture
def case(patient, model):
    return read_case(patient, model.card.channels)


@pytest.fixture
def reference(patient) -> np.ndarray:
    return np.asarray(nib.load(patient / "patient_seg.nii.gz").dataobj)
