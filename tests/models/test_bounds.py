"""Small files that ask for very much time or memory: refused with a sentence, and soon."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from napari_osuda.errors import ModelError, OsudaError
from napari_osuda.models import Architecture, ModelCard, load_model
from napari_osuda.models.architectures.library import build_network
from napari_osuda.models.files.weights import read_weights

resource = pytest.importorskip("resource", reason="memory is limited by POSIX")

Edit = Callable[[Callable[[dict[str, Any]], Any]], Path]


@pytest.fixture(autouse=True)
def _soon_and_small() -> Iterator[None]:
    """Each attack is over within 10 s of this process's own time, and takes less than 700 MB."""
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert time.process_time() - began < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 700 * 1024


def _kwargs(document: dict[str, Any]) -> dict[str, Any]:
    kwargs: dict[str, Any] = document["weights"]["pytorch_state_dict"]["architecture"]["kwargs"]
    return kwargs


@pytest.mark.posix
def test_a_pipe_is_no_model(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.pt")
    with pytest.raises(ModelError, match="is a pipe or a device"):
        load_model(tmp_path / "model.pt")
    with pytest.raises(ModelError, match="is a pipe or a device"):
        load_model("/dev/zero")
    os.mkfifo(tmp_path / "model.zip")
    with pytest.raises(ModelError, match="is a pipe or a device"):
        load_model(tmp_path / "model.zip")


@pytest.mark.posix
def test_a_pipe_in_the_place_of_weights(folder: Path) -> None:
    (folder / "weights.pt").unlink()
    os.mkfifo(folder / "weights.pt")
    with pytest.raises(ModelError, match=r"holds no 'weights\.pt'"):
        load_model(folder)


@pytest.mark.parametrize(
    ("library", "name", "kwargs"),
    [
        ("monai.networks.nets", "SegResNet", {"blocks_down": [100_000]}),
        ("monai.networks.nets", "UNet", {"channels": [4] * 10_000, "strides": [1] * 9_999}),
        ("monai.networks.nets", "SwinUNETR", {"window_size": 100_000}),
        ("segmentation_models_pytorch", "Unet", {"encoder_depth": 10**6}),
        ("napari_osuda.networks", "UNet", {"features": [4] * 10_000}),
    ],
)
def test_counts_of_blocks_and_levels(edit: Edit, library: str, name: str, kwargs: dict[str, Any]) -> None:
    architecture = {"import_from": library, "callable": name, "kwargs": kwargs}
    with pytest.raises(ModelError, match=r"architecture\.kwargs\.\w+ is .*; it must be"):
        load_model(edit(lambda d: d["weights"]["pytorch_state_dict"].update(architecture=architecture)))


def test_a_network_that_cannot_be_measured_is_built_within_a_budget() -> None:
    pytest.importorskip("monai")
    kwargs = {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "feature_size": 12_000}
    huge = Architecture(import_from="monai.networks.nets", callable="SwinUNETR", kwargs=kwargs)
    with pytest.raises(ModelError, match="would need more than the 1,000,000 numbers"):
        build_network(huge, 1_000_000)


@pytest.mark.parametrize("key", ["minimum", "size", "step"])
def test_a_card_of_1024_cubed(key: str) -> None:
    with pytest.raises(ModelError, match=f"{key} is 1024 x 1024 x 1024; a network gets images of at most"):
        ModelCard.of(channels=("t1",), labels={0: "a", 1: "b"}, spatial_dims=3, **{key: (1024,) * 3})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"spatial_dims": 2, "window": (1, 1)}, "window is 1 x 1; windows that small are not used"),
        ({"spatial_dims": 3, "size": (1, 2, 2)}, "size is 1 x 2 x 2; windows that small are not used"),
        ({"spatial_dims": 3, "spacing_mm": (1e-6, 1.0, 1.0)}, "spacing_mm.0 is 1e-06"),
    ],
)
def test_cards_that_would_make_millions_of_windows_or_voxels(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        ModelCard.of(channels=("t1",), labels={0: "a", 1: "b"}, **fields)


def test_lists_in_lists_by_aliases(folder: Path) -> None:
    file = folder / "bioimageio.yaml"
    lines = ["a0: &a0 [1]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 200)}]" for i in range(1, 10)]
    file.write_text(file.read_text() + "\n".join(lines))
    with pytest.raises(ModelError, match="more than 100,000 values"):
        load_model(folder)


def test_lists_in_lists_by_a_pickles_memory(network: torch.nn.Module, tmp_path: Path) -> None:
    nested: list[Any] = [1]
    for _ in range(9):
        nested = [nested] * 200
    torch.save({"state_dict": network.state_dict(), "beside": nested}, tmp_path / "m.pt")
    assert load_model(tmp_path / "m.pt", overrides={"defaults": True}).form == "state_dict"


def test_references_that_multiply(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "models").mkdir()
    (tmp_path / "models/model.pt").write_bytes(b"")
    (tmp_path / "configs/metadata.json").write_text("{}")
    config: dict[str, Any] = {f"a{i}": [f"@a{i - 1}"] * 30 for i in range(1, 10)} | {"a0": [1]}
    config["network_def"] = {"_target_": "UNet", "spatial_dims": 3, "channels": "@a9"}
    (tmp_path / "configs/inference.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="more than 20,000 values together by its references"):
        load_model(tmp_path)


def test_a_circle_of_references_in_the_transforms_is_no_hang(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "models").mkdir()
    (tmp_path / "models/model.pt").write_bytes(b"")
    (tmp_path / "configs/metadata.json").write_text("{}")
    config = {"network_def": {"_target_": "UNet"}, "preprocessing": "@a", "a": "@preprocessing"}
    (tmp_path / "configs/inference.json").write_text(json.dumps(config))
    with pytest.raises(ModelError):
        load_model(tmp_path)


@pytest.mark.parametrize("zipped", [True, False])
def test_30_mb_of_empty_lists(zipped: bool) -> None:
    body = b"\x80\x02](" + b"]" * (30 * 2**20) + b"e."
    content = body
    if zipped:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("archive/data.pkl", body)
            archive.writestr("archive/version", "3\n")
        content = stream.getvalue()
    with pytest.raises(ModelError, match="more than 1,000,000 objects beside its tensors"):
        read_weights(content, "m.pt")


_OF_A_NUMBER = b"\x80\x02c__builtin__\nbytearray\n\x8a\x05" + (10**11).to_bytes(5, "little") + b"\x85R."
_PAIRS = b"\x80\x02]q\x00(" + b"".join(b"J" + struct.pack("<i", i) + b"N\x86" for i in range(50_000)) + b"e"
_COPIES = {
    "called": _PAIRS + b"ccollections\nOrderedDict\nh\x00\x85R0" * 5000 + b".",
    "in one tuple": _PAIRS + b"h\x00\x85q\x010" + b"ccollections\nOrderedDict\nh\x01R0" * 5000 + b".",
    "with a mark": _PAIRS + b"ccollections\nOrderedDict\n(h\x00tR0" * 5000 + b".",
    "as a state": _PAIRS + b"0ccollections\nOrderedDict\nh\x00\x85Rq\x02"
    + b"ccollections\nOrderedDict\n)Rh\x02b0" * 5000 + b"h\x02.",
}  # fmt: skip


def _zipped(body: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", body)
        archive.writestr("archive/version", "3\n")
    return stream.getvalue()


def test_thousands_of_figures_beside_the_weights_are_honest(network: torch.nn.Module, tmp_path: Path) -> None:
    """As nnU-Net keeps them: each is numpy's, of text in an encoding that is named again and again."""
    figures = {"loss": [np.float64(i / 7) for i in range(5000)], "seen": [{1, i} for i in range(500)],
               "devices": [torch.device("cpu")] * 500}  # fmt: skip
    torch.save({"network_weights": network.state_dict(), "logging": figures}, tmp_path / "m.pt")
    assert read_weights((tmp_path / "m.pt").read_bytes(), "m.pt").container == "network_weights"


@pytest.mark.parametrize("zipped", [True, False])
def test_bytes_made_of_a_number(zipped: bool) -> None:
    with pytest.raises(ModelError):
        read_weights(_zipped(_OF_A_NUMBER) if zipped else _OF_A_NUMBER, "m.pt")


@pytest.mark.parametrize("kind", list(_COPIES))
@pytest.mark.parametrize("zipped", [True, False])
def test_a_large_object_copied_over_and_over(zipped: bool, kind: str) -> None:
    with pytest.raises(ModelError, match="or copies of them"):
        read_weights(_zipped(_COPIES[kind]) if zipped else _COPIES[kind], "m.pt")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (
            {f"encoders.{i}.0.weight": torch.zeros(1) for i in range(20_001)},
            "20,001 tensors; more than 20,000",
        ),
        ({"module." * 20_000 + "weight": torch.zeros(1)}, "of 140,006 characters"),
    ],
    ids=["tensors", "key"],
)
def test_counts_of_tensors_and_lengths_of_keys(state: dict[str, Any], words: str) -> None:
    stream = io.BytesIO()
    torch.save(state, stream, _use_new_zipfile_serialization=False)
    with pytest.raises(ModelError, match=words):
        read_weights(stream.getvalue(), "m.pt")


def test_a_safetensors_header_of_100_mb() -> None:
    content = struct.pack("<Q", 100 * 2**20) + b"{" + b" " * 1000
    with pytest.raises(OsudaError):
        read_weights(content, "m.safetensors")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x: 0x" + "f" * 20_000, "more than 18 digits"),
        ("x: " + "9" * 5_000, "not readable as YAML"),
        ("x: " + "[" * 70 + "]" * 70, "nested deeper than 64"),
        ("x: " + "[" * 100_000, "nested too deep"),
        ("# " + "x" * 2**20, "of YAML more than"),
        ("x: 2024-13-45", None),
    ],
    ids=["hex", "decimal", "deep", "deeper", "long", "date"],
)
def test_yaml_of_odd_sizes(folder: Path, text: str, words: str | None) -> None:
    file = folder / "bioimageio.yaml"
    file.write_text(file.read_text() + text + "\n")
    if words is None:
        load_model(folder)
    else:
        with pytest.raises(ModelError, match=words):
            load_model(folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"x": 1' + "0" * 4000 + "}", "more than 18 digits"),
        ('{"x": 1' + "0" * 5000 + "}", "not readable as JSON"),
        ("[" * 100_000, "nested too deep"),
        ("[1]", "not a JSON mapping"),
        ('{"x": [' + "[]," * 300_000 + "[]]}", "holds more than"),
    ],
)
def test_json_of_odd_sizes(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelError, match=words):
        load_model(tmp_path)


def _quantized() -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (torch.eye(3).to_sparse(), "is sparse"),
        (torch.zeros(3, device="meta"), "is without values"),
        (torch.zeros(3, dtype=torch.complex64), "is of complex64"),
        (_quantized(), "is quantized"),
    ],
)
def test_tensors_that_are_no_plain_numbers(tensor: torch.Tensor, words: str) -> None:
    stream = io.BytesIO()
    torch.save({"a.weight": torch.ones(2), "b.weight": tensor}, stream)
    with pytest.raises(ModelError, match=rf"'b\.weight' in m\.pt {words}; it must be dense"):
        read_weights(stream.getvalue(), "m.pt")


def test_names_with_control_characters(folder: Path, edit: Edit) -> None:
    def name(document: dict[str, Any]) -> None:
        document["name"] = "\x1b]0;pwned\x07\u202egnp.txt"
        document["inputs"][0]["axes"][1]["channel_names"] = ["t1\x1b[2J", "t2"]

    model = load_model(edit(name))
    texts = (model.card.name, *model.card.channels, *model.card.labels.values(), *model.notes)
    assert all(text.isprintable() for text in texts)
    assert model.card.channels[0] == "t1\\x1b[2J"


def test_keys_and_files_with_control_characters(folder: Path, edit: Edit) -> None:
    with pytest.raises(ModelError) as caught:
        load_model(edit(lambda d: d["config"]["osuda"].update({"\x1b[31m": 1})))
    assert str(caught.value).isprintable()
    (folder / "bioimageio.yaml").rename(folder / "\x1b[31m.txt")
    with pytest.raises(ModelError) as caught:
        load_model(folder)
    assert str(caught.value).isprintable()


def test_tensors_with_control_characters(folder: Path) -> None:
    content = io.BytesIO()
    torch.save({"\x1b[31mred": torch.ones(1), "encoders.0.0.weight": torch.ones(4, 2, 3, 3)}, content)
    (folder / "weights.pt").write_bytes(content.getvalue())
    document = yaml.safe_load((folder / "bioimageio.yaml").read_text())
    document["weights"]["pytorch_state_dict"]["sha256"] = None
    (folder / "bioimageio.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(ModelError) as caught:
        load_model(folder)
    assert "red" in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_pickle_of_nothing_is_a_sentence() -> None:
    for value in ([], {}, None, 3, "x", [[]]):
        with pytest.raises(OsudaError):
            read_weights(pickle.dumps(value), "m.pt")
