"""A small model folder, and ways to spoil it."""

from __future__ import annotations

import socket
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from napari_osuda.models import (
    Architecture,
    ModelCard,
    write_model_folder,
)
from napari_osuda.networks import UNet

KWARGS = {"in_channels": 2, "out_channels": 3, "features": [4, 6, 8]}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No model reaches the network: libraries swallow what a socket raises, so attempts are counted."""
    attempts: list[Any] = []

    def refuse(*asked: Any, **_: Any) -> Any:
        attempts.append([part for part in asked if not isinstance(part, socket.socket)])
        raise OSError("a test of models asked for the network")

    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    yield
    assert not attempts, f"asked for the network: {attempts[:5]}"


@pytest.fixture
def card() -> ModelCard:
    return ModelCard.of(
        name="Tumor from T1 and T2",
        channels=("t1", "t2"),
        output_channels=("background", "edema", "enhancing"),
        labels={0: "background", 2: "edema", 4: "enhancing"},
        regions={"WT": (2, 4)},
        minimum=(32, 32),
        license="CC0-1.0",
        architecture=Architecture(import_from="napari_osuda.networks", callable="UNet", kwargs=KWARGS),
    )


@pytest.fixture
def network() -> UNet:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = UNet(**KWARGS)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2.0)
    return network.eval()


@pytest.fixture
def folder(tmp_path: Path, network: UNet, card: ModelCard) -> Path:
    return write_model_folder(tmp_path / "source", network, card)


@pytest.fixture
def edit(folder: Path) -> Callable[[Callable[[dict[str, Any]], Any]], Path]:
    """Change the folder's description by a function on its document; gives the folder."""

    def apply(change: Callable[[dict[str, Any]], Any]) -> Path:
        file = folder / "bioimageio.yaml"
        document = yaml.safe_load(file.read_text())
        change(document)
        file.write_text(yaml.safe_dump(document, sort_keys=False))
        return folder

    return apply


@pytest.fixture(autouse=True)
def _torch_deprecates_torchscript() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(params=["scripted", "traced", "exported"])
def program(request: pytest.FixtureRequest, tmp_path: Path, network: UNet) -> Path:
    example = torch.zeros(2, 2, 32, 32)
    if request.param == "exported":
        batch = torch.export.Dim("batch", min=1, max=64)
        exported = torch.export.export(network, (example,), dynamic_shapes=({0: batch},))
        torch.export.save(exported, tmp_path / "tumor.pt2")
        return tmp_path / "tumor.pt2"
    made: Any = (
        torch.jit.script(network) if request.param == "scripted" else torch.jit.trace(network, example)
    )
    torch.jit.save(made, tmp_path / "tumor.pt")
    return tmp_path / "tumor.pt"
