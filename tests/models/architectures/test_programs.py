"""TorchScript and exported programs: followed only when trusted, adapted, and given back as programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from model_parts import written_as_it_came
from program_parts import DEFAULTS
from torch import Tensor, nn

from napari_osuda.errors import UntrustedModelError
from napari_osuda.method import AdaptationConfig, adapt
from napari_osuda.models import inspect_model, load_model, save_model
from napari_osuda.networks import UNet


def test_a_trusted_program_is_the_network_and_has_its_names(program: Path, network: UNet) -> None:
    model = load_model(program, trust=True, overrides=DEFAULTS)
    assert model.form == ("pt2" if program.suffix == ".pt2" else "torchscript")
    assert (len(model.card.channels), len(model.card.output_channels)) == (2, 3)
    assert set(model.network.state_dict()) == set(network.state_dict())
    image = torch.randn(3, 2, 32, 32)
    torch.testing.assert_close(model.network(image), network(image), rtol=1e-5, atol=1e-5)
    found = inspect_model(model)
    assert found.adaptable
    assert len(found.layers) == 10
    assert found.norms == {"batch_norm": tuple(layer.name for layer in found.layers)}
    assert {p for p, _ in model.network.named_parameters()} == {p for p, _ in network.named_parameters()}


def _adapted(network: nn.Module, image: Tensor) -> tuple[nn.Module, list[float]]:
    adaptation = adapt(
        network,
        [image],
        AdaptationConfig(iterations=2, batch_size=2, learning_rate=1e-3, precision="float32"),
    )
    losses = [report.loss for report in adaptation]
    return adaptation.model, losses


def test_it_is_adapted_as_its_class_would_be_and_written_back(
    program: Path, network: UNet, tmp_path: Path
) -> None:
    image = 1.0 + torch.randn(2, 2, 32, 32)
    model = load_model(program, trust=True, overrides=DEFAULTS)
    adapted, losses = _adapted(model.network, image)
    expected, expected_losses = _adapted(network, image)
    assert losses == pytest.approx(expected_losses, rel=1e-4)
    torch.testing.assert_close(adapted(image), expected(image), rtol=1e-3, atol=1e-3)

    file = written_as_it_came(tmp_path / f"adapted{program.suffix}", adapted, model)
    plain: Any = torch.export.load(file).module() if program.suffix == ".pt2" else torch.jit.load(file)
    torch.testing.assert_close(plain(image), adapted(image), rtol=1e-5, atol=1e-5)

    folder = save_model(tmp_path / "package", adapted, model, {"run": "r"})
    entries = yaml.safe_load((folder / "bioimageio.yaml").read_text())["weights"]
    assert list(entries) == ["torchscript"]
    torch.testing.assert_close(
        torch.jit.load(folder / "weights.pt")(image), adapted(image), rtol=1e-5, atol=1e-5
    )
    with pytest.raises(UntrustedModelError):
        load_model(folder)
    again = load_model(folder, trust=True)
    assert again.card.channels == model.card.channels
    torch.testing.assert_close(again.network(image), adapted(image), rtol=1e-5, atol=1e-5)
