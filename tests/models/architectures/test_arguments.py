from __future__ import annotations

from pathlib import Path

import pytest
import torch
from state_dict_parts import FAMILIES, MONAI, UNET, _same

from napari_osuda.errors import ModelError
from napari_osuda.models import Architecture, inspect_model, load_model, open_questions
from napari_osuda.models.architectures.arguments import infer_arguments
from napari_osuda.models.architectures.library import build_network
from napari_osuda.networks import UNet


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


def test_given_arguments_go_before_inferred_ones(tmp_path: Path, network: UNet) -> None:
    torch.save(network.state_dict(), tmp_path / "w.pt")
    answers = {"architecture": UNET, "kwargs": "{out_channels: 4}", "defaults": "yes"}
    with pytest.raises(ModelError, match=r"head\.weight is 3 x 4 x 1 x 1 in the file and 4 x 4 x 1 x 1"):
        load_model(tmp_path / "w.pt", overrides=answers)
