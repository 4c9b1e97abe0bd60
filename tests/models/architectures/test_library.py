from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch
from torch import nn

from napari_osuda.errors import ModelError
from napari_osuda.models import Architecture
from napari_osuda.models.architectures.library import build_network, build_skeleton, check_architecture


def _of(module: str, name: str, **kwargs: Any) -> Architecture:
    return Architecture(import_from=module, callable=name, kwargs=kwargs)


def test_the_papers_unet_is_built() -> None:
    architecture = _of("napari_osuda.networks", "UNet", in_channels=1, out_channels=2, features=[4, 8])
    network = build_network(architecture)
    assert network(torch.zeros(1, 1, 16, 16)).shape == (1, 2, 16, 16)
    skeleton = build_skeleton(architecture)
    assert skeleton is not None
    assert all(p.device.type == "meta" for p in skeleton.parameters())


def test_building_leaves_the_random_state() -> None:
    before = torch.get_rng_state()
    build_network(_of("napari_osuda.networks", "UNet", in_channels=1, out_channels=2, features=[4, 8]))
    assert torch.equal(before, torch.get_rng_state())


def test_a_module_outside_the_list_is_never_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, package: str | None = None) -> Any:
        raise AssertionError(f"imported {name}")

    monkeypatch.setattr(importlib, "import_module", refuse)
    for module in ("os", "monai.networks", "monai.networks.nets.unet", "napari_osuda", "", "torch.hub"):
        with pytest.raises(ModelError, match=r"monai\.networks\.nets"):
            build_network(_of(module, "system", command="true"))


@pytest.mark.parametrize("name", ["torch", "Tensor", "_Block", "Sequence", "nn", "missing", "UNet.forward"])
def test_only_networks_of_the_module_are_called(name: str) -> None:
    with pytest.raises(ModelError, match="It has: UNet"):
        build_network(_of("napari_osuda.networks", name))


def test_monai_functions_are_not_networks() -> None:
    pytest.importorskip("monai")
    with pytest.raises(ModelError, match="no network 'resnet50'"):
        build_network(_of("monai.networks.nets", "resnet50", pretrained=True))


def test_an_unknown_argument_is_named() -> None:
    with pytest.raises(
        ModelError, match="argument 'width'; allowed are spatial_dims, in_channels, out_channels, features"
    ):
        build_network(_of("napari_osuda.networks", "UNet", width=3))


def test_arguments_that_do_not_fit_are_a_sentence() -> None:
    with pytest.raises(ModelError, match="cannot be built with"):
        build_network(_of("napari_osuda.networks", "UNet", in_channels=1, out_channels=2, features=[4]))


@pytest.mark.parametrize(
    "value",
    [object(), b"x", 10**9, float("inf"), float("nan"), [[[[[[[[1]]]]]]]], {"a": lambda: 0}, [2] * 100_000],
)
def test_arguments_are_literals(value: object) -> None:
    with pytest.raises(ModelError, match=r"architecture\.kwargs"):
        check_architecture(_of("napari_osuda.networks", "UNet", in_channels=value))


def test_a_missing_library_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, package: str | None = None) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    for module, name, command in (
        ("monai.networks.nets", "UNet", r"pip install 'napari-osuda\[monai\]'"),
        ("segmentation_models_pytorch", "Unet", r"pip install 'napari-osuda\[smp\]'"),
        ("torchvision.models.segmentation", "fcn_resnet50", "pip install torchvision"),
    ):
        with pytest.raises(ModelError, match=command):
            build_network(_of(module, name))


def test_downloads_are_off() -> None:
    pytest.importorskip("monai")
    # Would fetch ImageNet weights if it were let.
    network = build_network(
        _of("monai.networks.nets", "FlexibleUNet", in_channels=3, out_channels=2, backbone="efficientnet-b0",
            spatial_dims=2, pretrained=True)
    )  # fmt: skip
    assert isinstance(network, nn.Module)


def test_torchvision_weights_are_forced_off() -> None:
    pytest.importorskip("torchvision", exc_type=Exception)
    network = build_network(
        _of("torchvision.models.segmentation", "deeplabv3_resnet50", weights="DEFAULT", num_classes=2)
    )
    assert isinstance(network, nn.Module)


def test_smp_weights_are_forced_off() -> None:
    pytest.importorskip("segmentation_models_pytorch", exc_type=Exception)
    network = build_network(
        _of("segmentation_models_pytorch", "Unet", encoder_name="resnet18", encoder_weights="imagenet",
            in_channels=1, classes=2)
    )  # fmt: skip
    assert isinstance(network, nn.Module)
