from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
import torch
from program_parts import DEFAULTS
from torch import Tensor, nn

from napari_osuda.errors import ModelError, UntrustedModelError
from napari_osuda.models import inspect_model, load_model, open_questions, save_model
from napari_osuda.networks import UNet


def test_code_is_refused_unless_trusted(program: Path) -> None:
    sha256 = hashlib.sha256(program.read_bytes()).hexdigest()
    for ask in (load_model, open_questions, inspect_model):
        with pytest.raises(UntrustedModelError) as caught:
            ask(program)
        for word in (str(program), sha256):
            assert word in str(caught.value)
        for word in ("--trust", "trust=True"):
            assert word in caught.value.command
            assert word not in str(caught.value)


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
    with pytest.raises(ModelError, match="trained at, such as 64,64"):
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


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64, torch.bfloat16])
def test_a_program_of_another_precision_gives_the_masks_of_its_weights(
    tmp_path: Path, network: UNet, dtype: torch.dtype
) -> None:
    torch.jit.save(torch.jit.script(network.eval().to(dtype)), tmp_path / "w.pt")
    model = load_model(tmp_path / "w.pt", trust=True, overrides=DEFAULTS)
    image = torch.randn(1, next(network.parameters()).shape[1], 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(model.network(image), network.float()(image))


class _Dropped(nn.Module):
    """Drops features whatever it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(nn.functional.dropout(self.norm(self.stem(x)), 0.5, True))


@pytest.mark.parametrize("size", [{}, {"size": (64, 64)}])
def test_a_program_whose_masks_change_each_time_is_refused(tmp_path: Path, size: dict[str, object]) -> None:
    torch.jit.save(torch.jit.script(_Dropped().eval()), tmp_path / "w.pt")
    with pytest.raises(ModelError, match="another output each time"):
        load_model(tmp_path / "w.pt", trust=True, overrides={**DEFAULTS, **size})


@pytest.mark.parametrize("size", [{}, {"size": (32, 32)}])
def test_a_program_that_was_saved_in_training_mode_is_told_and_uses_its_statistics(
    tmp_path: Path, network: UNet, size: dict[str, object]
) -> None:
    image = torch.randn(2, next(network.parameters()).shape[1], 32, 32)
    traced = torch.jit.trace(network.train(), image, check_trace=False)
    torch.jit.save(traced, tmp_path / "w.pt")
    model = load_model(tmp_path / "w.pt", trust=True, overrides={**DEFAULTS, **size})
    assert any("saved in training mode" in note for note in model.notes)
    with torch.no_grad():
        torch.testing.assert_close(model.network(image), network.eval()(image))
