from __future__ import annotations

import copy
import gc
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from napari_osuda.errors import ModelError, OutputError
from napari_osuda.models import ModelCard, load_model, save_model, write_model_folder
from napari_osuda.networks import UNet

SHIPPED = Path(__file__).parents[2] / "sample_data" / "models"


def _validate(folder: Path) -> None:
    """By the community's own validator, files and hashes included."""
    spec = pytest.importorskip("bioimageio.spec")
    with warnings.catch_warnings():
        # It leaves the files that it reads to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        description = spec.load_description(folder / "bioimageio.yaml", perform_io_checks=True)
        gc.collect()
    summary = description.validation_summary
    assert summary.status != "failed", summary.format()


def _adapted(network: torch.nn.Module) -> torch.nn.Module:
    adapted = copy.deepcopy(network)
    with torch.no_grad():
        for name, buffer in adapted.named_buffers():
            if name.endswith("running_mean"):
                buffer += 0.25
    return adapted


def test_an_adapted_model_is_the_same_kind_of_model(folder: Path, tmp_path: Path) -> None:
    source = load_model(folder)
    adapted = _adapted(source.network)
    save_model(
        tmp_path / "adapted",
        adapted,
        source,
        {"run": "r1", "settings": {"eta0": np.float32(1), "size": (1, 2)}},
    )
    again = load_model(tmp_path / "adapted")
    assert list(again.network.state_dict()) == list(source.network.state_dict())
    x = torch.randn(1, 2, 32, 32)
    assert torch.equal(again.network(x), adapted(x))
    assert not torch.equal(again.network(x), source.network(x))
    assert again.card.labels == source.card.labels
    document = yaml.safe_load((tmp_path / "adapted" / "bioimageio.yaml").read_text())
    provenance = document["config"]["osuda"]["provenance"]
    assert provenance["source_sha256"] == source.sha256
    assert provenance["settings"] == {"eta0": 1.0, "size": [1, 2]}


def test_plain_torch_and_the_class_are_enough_to_load_it(folder: Path, network: UNet) -> None:
    state = torch.load(folder / "weights.pt", weights_only=True)
    plain = UNet(in_channels=2, out_channels=3, features=[4, 6, 8])
    plain.load_state_dict(state, strict=True)
    x = torch.from_numpy(np.load(folder / "test_input.npy"))
    np.testing.assert_array_equal(plain.eval()(x).detach().numpy(), np.load(folder / "test_output.npy"))


def test_the_communitys_validator_accepts_it(folder: Path, tmp_path: Path) -> None:
    _validate(folder)
    source = load_model(folder)
    _validate(save_model(tmp_path / "adapted", source.network, source, {"run": "r1"}))


def test_what_stays_true_is_carried_along(folder: Path, tmp_path: Path) -> None:
    file = folder / "bioimageio.yaml"
    document = yaml.safe_load(file.read_text())
    document |= {"authors": [{"name": "A. Author"}], "cite": [{"text": "B", "doi": "10.5281/zenodo.5108853"}]}
    file.write_text(yaml.safe_dump(document))
    source = load_model(folder)
    saved = save_model(tmp_path / "adapted", source.network, source, {})
    after = yaml.safe_load((saved / "bioimageio.yaml").read_text())
    assert after["authors"] == document["authors"]
    assert after["cite"] == document["cite"]
    _validate(saved)


@pytest.mark.parametrize("model", sorted(p for p in SHIPPED.glob("*") if p.is_dir()), ids=lambda p: p.name)
def test_the_shipped_models_load_and_validate(model: Path, tmp_path: Path) -> None:
    source = load_model(model)
    _validate(model)
    _validate(save_model(tmp_path / "adapted", source.network, source, {"run": "r1"}))


def test_a_model_without_a_license_stays_without_one(tmp_path: Path, network: UNet, card: ModelCard) -> None:
    folder = write_model_folder(tmp_path / "m", network, card.model_copy(update={"license": None}))
    assert "license" not in yaml.safe_load((folder / "bioimageio.yaml").read_text())
    assert load_model(folder).card.license is None
    _validate(folder)


def test_nothing_is_overwritten_and_nothing_half_written(
    folder: Path, tmp_path: Path, network: UNet, card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OutputError, match="not an empty folder"):
        write_model_folder(folder, network, card)

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    target = tmp_path / "new" / "model"
    with pytest.raises(OutputError, match="No space left"):
        write_model_folder(target, network, card)
    assert list(target.parent.iterdir()) == []


def test_another_network_is_not_an_adapted_copy(folder: Path, tmp_path: Path) -> None:
    source = load_model(folder)
    with pytest.raises(ModelError, match="not an adapted copy"):
        save_model(tmp_path / "x", UNet(2, 3, (4, 6)), source, {})
    assert not (tmp_path / "x").exists()


def test_a_name_that_the_spec_does_not_allow_is_mended(
    tmp_path: Path, network: UNet, card: ModelCard
) -> None:
    odd = card.model_copy(update={"name": "T2→"})
    _validate(write_model_folder(tmp_path / "odd", network, odd))
