from __future__ import annotations

from pathlib import Path

import pytest
import torch
from model_parts import written_as_it_came
from safetensors.torch import load_file, save_file
from safetensors.torch import save_model as save_safetensors
from state_dict_parts import FAMILIES, MONAI, UNET, _same

from napari_osuda.errors import ModelError
from napari_osuda.models import Architecture, load_model, open_questions
from napari_osuda.models.architectures.library import build_network
from napari_osuda.networks import UNet


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
