from __future__ import annotations

import collections
import io
import os
import pickle
import sys
import types
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hostile_parts import _saved, _with_weights

from napari_osuda.errors import ModelError, UntrustedModelError
from napari_osuda.models import load_model
from napari_osuda.models.files.weights import read_weights
from napari_osuda.networks import UNet


class _Payload:
    """Unpickled by anything that trusts it, it would create the file."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.victim}",)


@pytest.fixture
def foreign_class() -> Iterator[type]:
    """A class of a package that only the checkpoint's author has."""
    module = types.ModuleType("their_training_code")
    made = type("Settings", (), {"__module__": "their_training_code"})
    module.Settings = made  # type: ignore[attr-defined]
    sys.modules["their_training_code"] = module
    yield made
    sys.modules.pop("their_training_code", None)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("beside_weights", [True, False])
def test_a_pickle_that_would_write_a_file(
    folder: Path, network: UNet, tmp_path: Path, zipped: bool, beside_weights: bool
) -> None:
    victim = tmp_path / "written"
    payload: Any = _Payload(victim)
    if beside_weights:
        payload = {"state_dict": network.state_dict(), "callbacks": payload}
    content = _saved(payload, zipped)
    with pytest.raises(UntrustedModelError):
        load_model(_with_weights(folder, content))
    assert not victim.exists()
    # The file is what it is taken for: someone who trusts it is hit.
    torch.load(io.BytesIO(content), weights_only=False)
    assert victim.exists()


def test_a_bare_pickle_is_no_model(tmp_path: Path) -> None:
    victim = tmp_path / "written"
    with pytest.raises(UntrustedModelError):
        read_weights(pickle.dumps(_Payload(victim)), "model.pt")
    assert not victim.exists()


def test_a_lightning_checkpoint_with_an_unsafe_global_gives_its_weights(
    folder: Path, network: UNet, foreign_class: type
) -> None:
    settings = foreign_class()
    settings.learning_rate = 1e-3
    checkpoint = {
        "state_dict": network.state_dict(),
        "hyper_parameters": settings,
        "optimizer_states": [{"state": {0: torch.ones(3)}}],
        "epoch": 3,
    }
    content = _saved(checkpoint, zipped=True)
    del sys.modules["their_training_code"]
    with pytest.raises(pickle.UnpicklingError):
        torch.load(io.BytesIO(content), weights_only=True)
    model = load_model(_with_weights(folder, content))
    assert "their_training_code" not in sys.modules
    assert model.notes == (
        "weights.pt also holds Python objects (their_training_code.Settings), which were left out unread.",
    )
    for key, value in network.state_dict().items():
        assert torch.equal(model.network.state_dict()[key], value), key


def test_a_whole_pickled_network_gives_its_weights_without_its_class(folder: Path, network: UNet) -> None:
    content = _saved(network, zipped=True)
    weights = read_weights(content, "weights.pt")
    assert list(weights.tensors) == list(network.state_dict())
    assert "napari_osuda.networks.UNet" in weights.notes[0]


def test_recovered_tensors_cannot_reach_beyond_the_file(foreign_class: type) -> None:
    content = _saved({"state_dict": {"w": torch.arange(4.0)}, "x": foreign_class()}, zipped=True)
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        members = {info.filename: source.read(info) for info in source.infolist()}
    name = next(n for n in members if n.endswith("data.pkl"))
    # Size (4,) becomes (104,): 100 elements more than the storage has.
    members[name] = members[name].replace(b"K\x04\x85", b"K\x68\x85")
    spoiled = io.BytesIO()
    with zipfile.ZipFile(spoiled, "w") as target:
        for member, data in members.items():
            target.writestr(member, data)
    with pytest.raises(ModelError, match="not a readable file of weights"):
        read_weights(spoiled.getvalue(), "weights.pt")


def test_recovery_leaves_ordered_dicts_and_drops_the_rest(foreign_class: type) -> None:
    nested = collections.OrderedDict(a=foreign_class(), b=[1, (2, {"c": foreign_class()})])
    content = _saved({"state_dict": {"w": torch.eye(2)}, "nested": nested}, zipped=True)
    weights = read_weights(content, "w.ckpt")
    assert weights.container == "state_dict"
    assert torch.equal(weights.tensors["w"], torch.eye(2))
