"""TorchScript and exported programs: followed only when trusted, adapted, and given back as programs."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from model_parts import written_as_it_came
from torch import Tensor, nn

from napari_osuda.errors import ModelError, UntrustedModelError
from napari_osuda.method import AdaptationConfig, adapt
from napari_osuda.models import inspect_model, load_model, open_questions, save_model
from napari_osuda.networks import UNet

DEFAULTS = {"defaults": True}


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


def test_code_is_refused_unless_trusted(program: Path) -> None:
    sha256 = hashlib.sha256(program.read_bytes()).hexdigest()
    for ask in (load_model, open_questions, inspect_model):
        with pytest.raises(UntrustedModelError) as caught:
            ask(program)
        for word in (str(program), sha256, "--trust", "trust=True"):
            assert word in str(caught.value)


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
    adaptation = adapt(network, [image], AdaptationConfig(iterations=2, batch_size=2, learning_rate=1e-3))
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


def test_the_package_with_a_program_passes_the_validator(tmp_path: Path, network: UNet) -> None:
    spec = pytest.importorskip("bioimageio.spec")
    torch.jit.save(torch.jit.script(network), tmp_path / "w.pt")
    model = load_model(tmp_path / "w.pt", trust=True, overrides=DEFAULTS)
    folder = save_model(tmp_path / "package", model.network, model, {})
    description = spec.load_description(folder / "bioimageio.yaml", perform_io_checks=True)
    assert description.validation_summary.status != "failed", description.validation_summary.format()


def test_a_frozen_program_says_how_to_save_it(tmp_path: Path, network: UNet) -> None:
    torch.jit.save(torch.jit.freeze(torch.jit.script(network.eval())), tmp_path / "frozen.pt")
    with pytest.raises(ModelError, match="frozen"):
        load_model(tmp_path / "frozen.pt", trust=True, overrides=DEFAULTS)


class _Sized(nn.Module):
    """Keeps, once followed, the size that it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 2, 3, padding=1, stride=2)
        self.norm = nn.BatchNorm2d(2)
        self.head = nn.Conv2d(2, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        low = self.head(self.norm(self.stem(x)))
        return nn.functional.interpolate(low, size=(x.shape[2], x.shape[3]), mode="nearest")


def test_a_program_that_keeps_its_size_asks_for_it(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(_Sized().eval()), tmp_path / "w.pt")
    with pytest.raises(ModelError, match="--set-card size=64,64"):
        load_model(tmp_path / "w.pt", trust=True, overrides=DEFAULTS)
    model = load_model(tmp_path / "w.pt", trust=True, overrides={**DEFAULTS, "size": "48,32"})
    assert model.network(torch.zeros(4, 1, 48, 32)).shape == (4, 2, 48, 32)


def test_a_damaged_program_is_a_sentence(tmp_path: Path, network: UNet) -> None:
    stream = io.BytesIO()
    torch.jit.save(torch.jit.script(network), stream)
    content = stream.getvalue()
    (tmp_path / "w.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match=r"w\.pt"):
        load_model(tmp_path / "w.pt", trust=True, overrides=DEFAULTS)
