from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from model_parts import written_as_it_came
from torch import nn

from napari_osuda.errors import ModelError
from napari_osuda.models import inspect_model, load_model, open_questions

ANSWERS = {"channels": "t1,t2", "labels": "0=background,1=a,2=b", "defaults": "yes"}


@pytest.fixture
def pretrained(tmp_path: Path) -> tuple[Path, nn.Module]:
    smp = pytest.importorskip("segmentation_models_pytorch", exc_type=Exception)
    network = smp.Unet("resnet18", encoder_weights=None, in_channels=2, classes=3).eval()
    network.save_pretrained(tmp_path / "tumor")
    return tmp_path / "tumor", network


def test_a_pretrained_folder(pretrained: tuple[Path, nn.Module], tmp_path: Path) -> None:
    folder, network = pretrained
    assert {q.key for q in open_questions(folder)} == {
        "channels", "output_channels", "activation", "normalisation", "plane", "orientation",
    }  # fmt: skip
    model = load_model(folder, overrides=ANSWERS)
    image = torch.randn(1, 2, 32, 32)
    assert torch.equal(model.network(image), network(image))
    assert inspect_model(model).adaptable
    written_as_it_came(tmp_path / "model.safetensors", model.network, model)
    assert (tmp_path / "model.safetensors").stat().st_size > 0


def test_an_activation_of_its_own_is_not_applied_twice(pretrained: tuple[Path, nn.Module]) -> None:
    folder, _ = pretrained
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "activation": "softmax2d"}))
    assert load_model(folder, overrides=ANSWERS).card.activation == "none"


def _folder(path: Path, config: object) -> Path:
    path.mkdir()
    (path / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    torch.save({"conv.weight": torch.zeros(2, 1, 3, 3)}, path / "pytorch_model.bin")
    return path


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"in_channels": 1}, "no _model_class"),
        ("[1, 2]", "not a JSON mapping"),
        ("{", "not readable as JSON"),
        ({"_model_class": "Unet", "in_channels": 10**9}, "whole number from 0 to 100,000"),
    ],
)
def test_a_wrong_config_is_a_sentence(tmp_path: Path, config: object, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        load_model(_folder(tmp_path / "m", config), overrides=ANSWERS)
