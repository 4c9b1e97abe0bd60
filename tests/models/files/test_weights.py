from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
import torch
import yaml
from hostile_parts import Edit, _saved, _with_weights

from napari_osuda.errors import ModelError
from napari_osuda.models import load_model
from napari_osuda.models.files.weights import read_weights
from napari_osuda.networks import UNet


def test_a_small_file_that_claims_a_huge_tensor(folder: Path, network: UNet, edit: Edit) -> None:
    state = dict(network.state_dict())
    state["head.weight"] = torch.zeros(1).expand(10**6, 10**6)
    content = _saved(state, zipped=True)
    with pytest.raises(ModelError, match="1000000 x 1000000 in the file and 3 x 4 x 1 x 1 in the network"):
        load_model(_with_weights(folder, content))


def test_a_small_file_whose_architecture_claims_as_much(folder: Path) -> None:
    kwargs = {"in_channels": 2, "out_channels": 3, "features": [100_000, 100_000]}
    with torch.device("meta"):
        shapes = {key: value.shape for key, value in UNet(**kwargs).state_dict().items()}
    # Every key and shape fits; there is one number behind each.
    content = _saved({key: torch.zeros(1).expand(shape or (1,)) for key, shape in shapes.items()
                      if not key.endswith("num_batches_tracked")}, zipped=True)  # fmt: skip
    assert len(content) < 20_000
    _with_weights(folder, content)
    file = folder / "bioimageio.yaml"
    document = yaml.safe_load(file.read_text())
    document["weights"]["pytorch_state_dict"]["architecture"]["kwargs"] = kwargs
    file.write_text(yaml.safe_dump(document))
    with pytest.raises(ModelError, match=r"claims [\d,]+ weights .* but has only [\d,]+ bytes"):
        load_model(folder)


def test_a_legacy_file_that_claims_a_huge_storage() -> None:
    content = _saved({"w": torch.zeros(4)}, zipped=False)
    assert content.count(b"K\x04") > 1
    spoiled = content.replace(b"K\x04", b"\x8a\x06\x00\x00\x00\x00\x00\x10")  # 2**44 elements
    with pytest.raises(ModelError, match="not a readable file of weights"):
        read_weights(spoiled, "weights.pt")


def test_compressed_weights_are_refused(folder: Path, network: UNet) -> None:
    content = _saved(network.state_dict(), zipped=True)
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for info in source.infolist():
            target.writestr(info.filename, source.read(info))
    with pytest.raises(ModelError, match="compressed"):
        load_model(_with_weights(folder, packed.getvalue()))


@pytest.mark.parametrize(
    "content", [b"", b"x" * 50, b"PK\x03\x04" + b"\0" * 40, b"\x10\0\0\0\0\0\0\0{" + b"x" * 40]
)
def test_junk_is_a_sentence(content: bytes) -> None:
    with pytest.raises(ModelError, match=r"weights\.pt"):
        read_weights(content, "weights.pt")


def test_truncated_weights_are_a_sentence(network: UNet) -> None:
    content = _saved(network.state_dict(), zipped=True)
    for end in (len(content) // 2, len(content) - 10):
        with pytest.raises(ModelError):
            read_weights(content[:end], "weights.pt")
