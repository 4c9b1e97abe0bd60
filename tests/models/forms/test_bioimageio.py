from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch
from loading_parts import Edit
from safetensors.torch import save_file

from napari_osuda.models import load_model
from napari_osuda.networks import UNet


def _zipped(folder: Path, target: Path, root: str = "") -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.iterdir():
            archive.write(file, root + file.name)
    return target


@pytest.mark.parametrize("root", ["", "package/"])
def test_a_zip_is_the_same_as_its_folder(folder: Path, tmp_path: Path, root: str) -> None:
    model, zipped = load_model(folder), load_model(_zipped(folder, tmp_path / "model.zip", root))
    assert zipped.card == model.card
    assert zipped.sha256 == model.sha256


def test_safetensors_weights(folder: Path, network: UNet, edit: Edit) -> None:
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, folder / "weights.safetensors")
    entry = {"source": "weights.safetensors", "sha256": None}
    edit(lambda d: d["weights"]["pytorch_state_dict"].update(entry))
    x = torch.randn(1, 2, 32, 32)
    assert torch.equal(load_model(folder).network(x), network(x))
