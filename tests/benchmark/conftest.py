"""A protocol with two small patients and an untrained network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_osuda.benchmark.bench import BenchSeries
from napari_osuda.benchmark.patients import Patient
from napari_osuda.benchmark.protocols import TABLE_2
from napari_osuda.imaging import Grid, case_from_arrays
from napari_osuda.models import ModelCard, load_model, write_model_folder
from napari_osuda.networks import UNet


@pytest.fixture
def series(tmp_path):
    torch.manual_seed(0)
    network = UNet(1, 2, (2, 4))
    with torch.no_grad():
        network(torch.randn(8, 1, 16, 16))
    card = ModelCard.of(
        channels=("t2",), labels={0: "background", 1: "whole tumour"}, regions={"WT": (1,)}, step=(2, 2),
        architecture={"import_from": "napari_osuda.networks", "callable": "UNet",
                      "kwargs": {"in_channels": 1, "out_channels": 2, "features": [2, 4]}},
    )  # fmt: skip
    folder = write_model_folder(tmp_path / "model", network.eval(), card)

    def load(name):
        rng = np.random.default_rng(int(name))
        image = np.zeros((16, 16, 6), np.float32)
        image[2:14, 2:14, 1:5] = rng.normal(100, 20, (12, 12, 4))
        reference = np.zeros(image.shape, np.uint8)
        reference[4:8, 4:8, 2:4] = 1
        return Patient(name, case_from_arrays(name, {"t2": image}, Grid(image.shape, np.eye(4))), reference)

    return BenchSeries(TABLE_2[0], lambda: load_model(folder), ("1", "2"), load, lambda: (0.97, 0.03))
