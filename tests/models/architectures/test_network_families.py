"""The network families that people share: each is segmented with, adapted and given back as what it was."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_osuda.method import AdaptationConfig, adapt, main_output
from napari_osuda.method.normalization import InterceptBatchNorm, mixed_batch_norm
from napari_osuda.models import (
    Architecture,
    ModelCard,
    SourceModel,
    load_model,
    save_model,
    write_model_folder,
)
from napari_osuda.models.architectures.library import build_network

MONAI, SMP, TORCHVISION = (
    "monai.networks.nets",
    "segmentation_models_pytorch",
    "torchvision.models.segmentation",
)
BATCH = ["batch", {"affine": True}]
NARROW: dict[str, Any] = {"channels": [4, 8, 8], "strides": [2, 2]}

# Library, class, arguments, edge of a small image, input channels, spatial dimensions.
FAMILIES: dict[str, tuple[str, str, dict[str, Any], int, int, int]] = {
    "UNet": (MONAI, "UNet",
        {"spatial_dims": 2, "norm": "batch", "num_res_units": 2, **NARROW}, 16, 2, 2),
    "UNet-3D": (MONAI, "UNet", {"spatial_dims": 3, "norm": "batch", **NARROW}, 8, 2, 3),
    "BasicUNet": (MONAI, "BasicUNet", {"spatial_dims": 2, "norm": BATCH, "features": [4] * 6}, 32, 2, 2),
    "BasicUNetPlusPlus": (MONAI, "BasicUNetPlusPlus",
        {"spatial_dims": 2, "norm": BATCH, "features": [4] * 6, "deep_supervision": True}, 32, 2, 2),
    "DynUNet": (MONAI, "DynUNet",
        {"spatial_dims": 2, "kernel_size": [3] * 4, "strides": [1, 2, 2, 2],
         "upsample_kernel_size": [2, 2, 2],
         "filters": [4, 4, 8, 8], "norm_name": "batch", "deep_supervision": True}, 32, 2, 2),
    "SegResNet": (MONAI, "SegResNet",
        {"spatial_dims": 3, "norm": "batch", "blocks_down": [1, 1, 1], "blocks_up": [1, 1]}, 8, 2, 3),
    "SegResNetVAE": (MONAI, "SegResNetVAE",
        {"spatial_dims": 2, "input_image_size": [16, 16], "norm": "batch", "blocks_down": [1, 1],
         "blocks_up": [1]}, 16, 2, 2),
    "SegResNetDS": (MONAI, "SegResNetDS",
        {"spatial_dims": 2, "init_filters": 4, "norm": "batch", "blocks_down": [1, 1, 1], "dsdepth": 2},
        16, 2, 2),
    "AttentionUnet": (MONAI, "AttentionUnet", {"spatial_dims": 2, **NARROW}, 16, 2, 2),
    "FlexibleUNet": (MONAI, "FlexibleUNet",
        {"backbone": "efficientnet-b0", "decoder_channels": [8, 8, 8, 8, 8]}, 32, 2, 2),
    "VNet": (MONAI, "VNet", {"spatial_dims": 2, "dropout_dim": 2, "act": "relu"}, 32, 1, 2),
    "smp-Unet": (SMP, "Unet", {"encoder_name": "resnet18"}, 32, 2, 2),
    "smp-Unet-efficientnet": (SMP, "Unet", {"encoder_name": "efficientnet-b0"}, 32, 2, 2),
    "smp-Unet-timm": (SMP, "Unet", {"encoder_name": "tu-efficientnet_b0"}, 32, 2, 2),
    "smp-UnetPlusPlus": (SMP, "UnetPlusPlus", {"encoder_name": "resnet18"}, 32, 2, 2),
    "smp-FPN": (SMP, "FPN", {"encoder_name": "resnet18"}, 32, 2, 2),
    "smp-DeepLabV3Plus": (SMP, "DeepLabV3Plus", {"encoder_name": "resnet18"}, 64, 2, 2),
    "torchvision-DeepLabV3": (TORCHVISION, "deeplabv3_resnet50", {"aux_loss": True}, 32, 3, 2),
}  # fmt: skip


def _architecture(family: str) -> Architecture:
    library, name, kwargs, _, channels, _ = FAMILIES[family]
    pytest.importorskip(library.partition(".")[0], exc_type=Exception)
    counts = {
        MONAI: {"in_channels": channels, "out_channels": 3},
        SMP: {"in_channels": channels, "classes": 3},
        TORCHVISION: {"num_classes": 3},
    }
    return Architecture(import_from=library, callable=name, kwargs={**counts[library], **kwargs})


def _trained(family: str) -> tuple[nn.Module, list[Tensor]]:
    """The network as if trained: statistics that say something; and images that it does not know."""
    _, _, _, edge, channels, dims = FAMILIES[family]
    network = build_network(_architecture(family))
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for key, tensor in network.state_dict().items():
            if key.endswith("running_mean"):
                tensor.copy_(0.3 * torch.randn(tensor.shape, generator=generator))
            elif key.endswith("running_var"):
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
    images = [1.0 + torch.randn((2, channels, *(edge,) * dims), generator=generator) for _ in range(2)]
    return network.eval(), images


def _with_batch_norm(reference: Callable[..., Tensor], network: nn.Module, image: Tensor) -> Tensor:
    """The network's main output with every batch normalisation carried out by ``reference``."""
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(F, "batch_norm", reference)
        return main_output(network(image))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_source_share_alone_is_the_source_network(family: str) -> None:
    network, (image, _) = _trained(family)
    with torch.no_grad():
        source = main_output(network(image))
        with InterceptBatchNorm(lambda call: mixed_batch_norm(call, eta=1.0)[0]):
            swapped = main_output(network(image))
    torch.testing.assert_close(swapped, source, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_distances_are_those_of_a_float64_reference(family: str) -> None:
    network, images = _trained(family)
    eta, distances = 0.4, []

    def reference(
        x: Tensor, mean: Tensor, var: Tensor, weight: Tensor, bias: Tensor, training: bool = False,
        momentum: float = 0.1, eps: float = 1e-5,
    ) -> Tensor:  # fmt: skip
        assert x.dtype == torch.float64
        dims = [d for d in range(x.dim()) if d != 1]
        mean_t = (1 - eta) * x.mean(dims) + eta * mean
        var_t = (1 - eta) * x.var(dims, correction=0) + eta * var
        distances.append((mean / (var + eps).sqrt() - mean_t / (var_t + eps).sqrt()).abs())
        shape = (1, -1, *(1,) * (x.dim() - 2))
        y = (x - mean_t.view(shape)) / (var_t + eps).sqrt().view(shape)
        return y * weight.view(shape) + bias.view(shape)

    config = AdaptationConfig(iterations=1, batch_size=2, eta0=eta, learning_rate=1e-12, precision="float32")
    report = next(iter(adapt(network, images[:1], config)))
    double = build_network(_architecture(family)).eval()
    double.load_state_dict(network.state_dict())
    _with_batch_norm(reference, double.double(), images[0].double())
    np.testing.assert_allclose(report.distance, torch.cat(distances).numpy(), rtol=1e-3, atol=2e-5)


_LOAD_WITHOUT_US = """
import importlib, json, sys
import numpy as np, torch, yaml

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "napari_osuda":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
for folder in json.loads(sys.argv[1]):
    entry = yaml.safe_load(open(f"{folder}/bioimageio.yaml"))["weights"]["pytorch_state_dict"]
    architecture = entry["architecture"]
    off = {"segmentation_models_pytorch": {"encoder_weights": None},
           "torchvision.models.segmentation": {"weights": None, "weights_backbone": None}}
    make = getattr(importlib.import_module(architecture["import_from"]), architecture["callable"])
    network = make(**{**architecture["kwargs"], **off.get(architecture["import_from"], {})})
    network.load_state_dict(torch.load(f"{folder}/weights.pt", weights_only=True), strict=True)
    with torch.no_grad():
        output = network.eval()(torch.from_numpy(np.load(f"{folder}/test_input.npy")))
    output = output["out"] if isinstance(output, dict) else output
    if not isinstance(output, torch.Tensor):
        # The finest head comes first, or last among heads of the same shape (UNet++).
        output = [o for o in output if o is not None and o.shape == output[0].shape][-1]
    np.testing.assert_allclose(output.numpy(), np.load(f"{folder}/test_output.npy"), rtol=1e-4, atol=1e-5)
    print("same")
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_adapted_networks_load_without_this_package_and_predict_the_same(tmp_path: Path) -> None:
    folders = []
    for family in FAMILIES:
        try:
            architecture = _architecture(family)
        except pytest.skip.Exception:
            continue
        folders.append(str(_adapted_folder(family, architecture, tmp_path)))
    assert folders
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _LOAD_WITHOUT_US, json.dumps(folders)],
        capture_output=True,
        text=True,
        check=False,
    )
    # MONAI 1.5 prints lines of its own.
    assert process.stdout.splitlines().count("same") == len(folders), process.stderr[-2000:]


def _adapted_folder(family: str, architecture: Architecture, tmp_path: Path) -> Path:
    _, _, _, edge, channels, dims = FAMILIES[family]
    network, images = _trained(family)
    card = ModelCard.of(
        name=f"Network {family}",
        channels=tuple(f"c{i}" for i in range(channels)),
        output_channels=("background", "a", "b"),
        spatial_dims=dims,
        minimum=(edge,) * dims,
        step=(edge,) * dims,
        architecture=architecture,
    )
    source: SourceModel = load_model(write_model_folder(tmp_path / family, network, card))
    adaptation = adapt(
        source.network,
        images,
        AdaptationConfig(iterations=2, batch_size=2, learning_rate=1e-3, precision="float32"),
    )
    for report in adaptation:
        assert np.isfinite(report.loss)
    adapted = adaptation.model
    assert type(adapted) is type(source.network)
    folder = save_model(tmp_path / f"{family}-adapted", adapted, source, {"run": "r"})
    again = load_model(folder)
    with torch.no_grad():
        expected = main_output(adapted(images[0]))
        assert torch.equal(main_output(again.network(images[0])), expected)
        assert not torch.equal(main_output(source.network(images[0])), expected)
    return folder
