from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_model as save_safetensors
from state_dict_parts import FAMILIES, MONAI, UNET, _same

from napari_osuda.errors import ModelError
from napari_osuda.models import Architecture, load_model
from napari_osuda.models.architectures.library import build_network
from napari_osuda.networks import UNet


@pytest.mark.parametrize(
    "prefix", ["model.", "net.", "module.", "_orig_mod.", "module._orig_mod.model.", "our_seg_net."]
)
def test_prefixes_are_taken_off(tmp_path: Path, network: UNet, prefix: str) -> None:
    file = tmp_path / "w.pt"
    torch.save({prefix + key: value for key, value in network.state_dict().items()}, file)
    answers: dict[str, Any] = {"defaults": True}
    if prefix == "our_seg_net.":
        kwargs = {"in_channels": 2, "out_channels": 3, "features": [4, 6, 8]}
        answers |= {"architecture": UNET, "kwargs": kwargs}
    _same(load_model(file, overrides=answers).network, network)


def test_a_named_class_that_does_not_fit_lists_the_first_keys(tmp_path: Path, network: UNet) -> None:
    pytest.importorskip("monai")
    torch.save(network.state_dict(), tmp_path / "w.pt")
    answers = {"architecture": "monai.networks.nets.BasicUNet", "defaults": "yes"}
    with pytest.raises(
        ModelError, match=r"does not fit .*BasicUNet.*not in the network: encoders\.0\.0\.weight"
    ):
        load_model(tmp_path / "w.pt", overrides=answers)


def test_shared_modules_survive_a_format_that_keeps_one_name(tmp_path: Path) -> None:
    pytest.importorskip("monai")
    kwargs = {"in_channels": 1, "out_channels": 2, **FAMILIES["DynUNet"]}
    network = build_network(Architecture(import_from=MONAI, callable="DynUNet", kwargs=kwargs))
    save_safetensors(network, str(tmp_path / "w.safetensors"))
    answers = {"architecture": f"{MONAI}.DynUNet", "kwargs": kwargs, "defaults": True}
    _same(load_model(tmp_path / "w.safetensors", overrides=answers).network, network)


def test_a_file_with_two_sets_of_weights_says_which_is_used(tmp_path: Path, network: UNet) -> None:
    kwargs = {"in_channels": 2, "out_channels": 3, "features": [4, 6, 8]}
    answers = {"defaults": True, "architecture": UNET, "kwargs": kwargs}
    own = network.state_dict()
    other = {key: value + 1 for key, value in own.items()}
    for name, content in {
        "flat": {**{f"ema_net.{k}": v for k, v in other.items()}, **{f"net.{k}": v for k, v in own.items()}},
        "beside": {"state_dict": own, "ema_state_dict": {f"module.{k}": v for k, v in other.items()}},
    }.items():
        torch.save(content, tmp_path / f"{name}.pt")
        model = load_model(tmp_path / f"{name}.pt", overrides=answers)
        assert any("ema_" in note for note in model.notes)
        assert torch.equal(next(model.network.parameters()), next(network.parameters()))
