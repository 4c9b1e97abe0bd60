from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from model_parts import written_as_it_came
from safetensors.torch import load_file, save_file
from safetensors.torch import save_model as save_safetensors
from torch import nn

from napari_osuda.errors import ModelError
from napari_osuda.models import Architecture, inspect_model, load_model, open_questions
from napari_osuda.models.architectures.arguments import infer_arguments
from napari_osuda.models.architectures.library import build_network
from napari_osuda.networks import UNet

UNET = "napari_osuda.networks.UNet"
MONAI = "monai.networks.nets"
BATCH = ["batch", {"affine": True}]


def _same(loaded: nn.Module, network: nn.Module) -> None:
    assert list(loaded.state_dict()) == list(network.state_dict())
    for key, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value), key


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt", ".safetensors"])
def test_the_class_and_its_arguments_are_found_by_the_shapes(
    tmp_path: Path, network: UNet, suffix: str
) -> None:
    file = tmp_path / f"tumor{suffix}"
    if suffix == ".safetensors":
        save_safetensors(network, str(file))
    else:
        torch.save(network.state_dict(), file)
    questions = {q.key: q.default for q in open_questions(file)}
    assert str(questions["architecture"]) == UNET
    assert questions["channels"] == ("channel 1", "channel 2")
    assert set(questions) == {
        "architecture",
        "channels",
        "output_channels",
        "activation",
        "normalisation",
        "plane",
        "orientation",
    }
    with pytest.raises(
        ModelError, match=r"does not say: architecture \(default napari_osuda\.networks\.UNet\)"
    ):
        load_model(file)
    model = load_model(
        file, overrides={"channels": "t1,t2", "labels": "0=background,1=a,2=b", "defaults": "yes"}
    )
    _same(model.network, network)
    assert model.form == "state_dict"
    assert model.card.channels == ("t1", "t2")
    assert model.card.output_channels == ("background", "a", "b")
    assert model.card.minimum == model.card.step == (8, 8)


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


def test_a_lightning_checkpoint(tmp_path: Path, network: UNet) -> None:
    file = tmp_path / "epoch=3.ckpt"
    state = {f"model.{key}": value for key, value in network.state_dict().items()}
    state |= {"criterion.weight": torch.ones(3), "metric.total": torch.zeros(())}
    torch.save({"epoch": 3, "state_dict": state, "optimizer_states": [{"state": {}}], "loops": {}}, file)
    _same(load_model(file, overrides={"defaults": True}).network, network)


def test_a_compiled_submodule(tmp_path: Path, network: UNet) -> None:
    file = tmp_path / "w.pt"
    state = {
        key.replace("encoders.0.", "encoders.0._orig_mod."): v for key, v in network.state_dict().items()
    }
    torch.save(state, file)
    _same(load_model(file, overrides={"defaults": True}).network, network)


FAMILIES: dict[str, dict[str, Any]] = {
    "UNet": {"spatial_dims": 2, "channels": [4, 8, 8], "strides": [2, 1], "norm": BATCH, "num_res_units": 2},
    "UNet 3-D": {"spatial_dims": 3, "channels": [4, 8, 8], "strides": [2, 2], "norm": BATCH, "act": "RELU"},
    "BasicUNet": {"spatial_dims": 3, "norm": BATCH, "features": [4, 4, 6, 8, 8, 5]},
    "BasicUNet up": {"spatial_dims": 2, "norm": BATCH, "features": [4] * 6, "upsample": "nontrainable"},
    "BasicUNetPlusPlus": {"spatial_dims": 2, "norm": BATCH, "features": [4, 4, 6, 8, 8, 6]},
    "AttentionUnet": {"spatial_dims": 2, "channels": [4, 8, 8], "strides": [2, 2]},
    "SegResNet": {"spatial_dims": 3, "norm": BATCH, "blocks_down": [1, 2, 1], "blocks_up": [1, 2]},
    "SegResNetDS": {"spatial_dims": 2, "init_filters": 4, "norm": BATCH, "blocks_down": [1, 2, 1],
        "dsdepth": 2},
    "DynUNet": {"spatial_dims": 2, "kernel_size": [[3, 3], [3, 3], [3, 3]],
        "strides": [[1, 1], [2, 2], [2, 1]],
         "upsample_kernel_size": [[2, 2], [2, 1]], "filters": [4, 6, 8], "norm_name": BATCH,
        "deep_supervision": True, "deep_supr_num": 1},
    "VNet": {"spatial_dims": 2, "dropout_dim": 2},
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_arguments_are_inferred_where_shapes_tell_them(tmp_path: Path, family: str) -> None:
    pytest.importorskip("monai")
    given = {"in_channels": 2, "out_channels": 5, **FAMILIES[family]}
    architecture = Architecture(import_from=MONAI, callable=family.partition(" ")[0], kwargs=given)
    network = build_network(architecture)
    inferred = infer_arguments(MONAI, architecture.callable, network.state_dict())
    assert inferred is not None
    assert {key: inferred[key] for key in given if key in inferred} == {
        k: v for k, v in given.items() if k in inferred
    }
    assert not {"in_channels", "out_channels", "spatial_dims"} - set(inferred)
    torch.save({f"net.{key}": value for key, value in network.state_dict().items()}, tmp_path / "w.pth")
    questions = {q.key: q.default for q in open_questions(tmp_path / "w.pth")}
    assert str(questions["architecture"]) == str(architecture)
    assert len(questions["channels"]) == 2
    assert len(questions["output_channels"]) == 5
    _same(load_model(tmp_path / "w.pth", overrides={"defaults": True}).network, network)


def test_instance_norm_is_inferred_too_and_refused_with_its_reason(tmp_path: Path) -> None:
    pytest.importorskip("monai")
    kwargs = {"spatial_dims": 2, "in_channels": 1, "out_channels": 2, "features": [4] * 6}
    network = build_network(Architecture(import_from=MONAI, callable="BasicUNet", kwargs=kwargs))
    torch.save(network.state_dict(), tmp_path / "w.pt")
    found = inspect_model(tmp_path / "w.pt")
    assert not found.adaptable
    assert "InstanceNorm2d" in found.reason


def test_a_named_class_that_does_not_fit_lists_the_first_keys(tmp_path: Path, network: UNet) -> None:
    pytest.importorskip("monai")
    torch.save(network.state_dict(), tmp_path / "w.pt")
    answers = {"architecture": "monai.networks.nets.BasicUNet", "defaults": "yes"}
    with pytest.raises(
        ModelError, match=r"does not fit .*BasicUNet.*not in the network: encoders\.0\.0\.weight"
    ):
        load_model(tmp_path / "w.pt", overrides=answers)


def test_given_arguments_go_before_inferred_ones(tmp_path: Path, network: UNet) -> None:
    torch.save(network.state_dict(), tmp_path / "w.pt")
    answers = {"architecture": UNET, "kwargs": "{out_channels: 4}", "defaults": "yes"}
    with pytest.raises(ModelError, match=r"head\.weight is 3 x 4 x 1 x 1 in the file and 4 x 4 x 1 x 1"):
        load_model(tmp_path / "w.pt", overrides=answers)


def test_weights_of_nothing_known_ask_for_their_class(tmp_path: Path) -> None:
    torch.save({"conv.weight": torch.zeros(2, 1, 3, 3)}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match="does not say: architecture"):
        load_model(tmp_path / "w.pt", overrides={"defaults": True})
    torch.save({"linear.weight": torch.zeros(2, 1)}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match="no convolution"):
        load_model(tmp_path / "w.pt")


def test_a_class_outside_the_list_is_refused(tmp_path: Path, network: UNet) -> None:
    torch.save(network.state_dict(), tmp_path / "w.pt")
    with pytest.raises(ModelError, match="import_from is 'os'; it must be one of"):
        load_model(tmp_path / "w.pt", overrides={"architecture": "os.system", "kwargs": {"command": "true"}})


def test_shared_modules_survive_a_format_that_keeps_one_name(tmp_path: Path) -> None:
    pytest.importorskip("monai")
    kwargs = {"in_channels": 1, "out_channels": 2, **FAMILIES["DynUNet"]}
    network = build_network(Architecture(import_from=MONAI, callable="DynUNet", kwargs=kwargs))
    save_safetensors(network, str(tmp_path / "w.safetensors"))
    answers = {"architecture": f"{MONAI}.DynUNet", "kwargs": kwargs, "defaults": True}
    _same(load_model(tmp_path / "w.safetensors", overrides=answers).network, network)


def test_what_is_chosen_of_several_outputs_is_said(tmp_path: Path) -> None:
    pytest.importorskip("monai")
    kwargs = {"in_channels": 1, "out_channels": 2, "deep_supervision": True, **FAMILIES["BasicUNetPlusPlus"]}
    network = build_network(Architecture(import_from=MONAI, callable="BasicUNetPlusPlus", kwargs=kwargs))
    torch.save(network.state_dict(), tmp_path / "w.pt")
    answers = {"architecture": f"{MONAI}.BasicUNetPlusPlus", "kwargs": kwargs, "defaults": True}
    notes = load_model(tmp_path / "w.pt", overrides=answers).notes
    assert any("returns 4 outputs; number" in note for note in notes)


@pytest.mark.parametrize("suffix", [".pt", ".ckpt", ".safetensors"])
def test_adapted_weights_go_back_in_the_form_they_came_in(tmp_path: Path, network: UNet, suffix: str) -> None:
    file = tmp_path / f"w{suffix}"
    half = {f"net.{key}": v.half() if v.is_floating_point() else v for key, v in network.state_dict().items()}
    if suffix == ".safetensors":
        save_file(half, file)
    else:
        torch.save({"epoch": 7, "state_dict": half} if suffix == ".ckpt" else half, file)
    model = load_model(file, overrides={"defaults": True})
    with torch.no_grad():
        next(iter(model.network.parameters())).add_(1.0)
    written = written_as_it_came(tmp_path / f"adapted{suffix}", model.network, model)
    if suffix == ".safetensors":
        state = load_file(written)
    else:
        loaded = torch.load(written, weights_only=True)
        state = loaded["state_dict"] if suffix == ".ckpt" else loaded
        assert suffix != ".ckpt" or loaded["epoch"] == 7
    assert {key: value.dtype for key, value in state.items()} == {
        key: value.dtype for key, value in half.items()
    }
    first = "net.encoders.0.0.weight"
    torch.testing.assert_close(state[first], half[first] + 1.0, rtol=1e-2, atol=1e-2)
    _same(load_model(written, overrides={"defaults": True}).network.half(), model.network.half())
