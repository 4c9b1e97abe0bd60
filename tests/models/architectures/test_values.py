"""Weights and statistics that no training leaves are refused by name, whatever the form and the layer."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from napari_osuda.errors import ModelError
from napari_osuda.models import load_model
from napari_osuda.models.architectures.values import check_values, without_statistics

CARD = {"defaults": True}


def _save_program(network: nn.Module, channels: int, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(network, torch.zeros(1, channels, 32, 32)).save(str(path))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("key", ["encoders.0.1.running_var", "encoders.0.1.running_mean", "head.weight"])
def test_one_value_that_is_not_finite(tmp_path: Path, network: nn.Module, key: str, value: float) -> None:
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state[key].view(-1)[0] = value
    torch.save(state, tmp_path / "m.pt")
    with pytest.raises(ModelError, match=rf"1 of the [\d,]+ values of {key} are NaN or infinite"):
        load_model(tmp_path / "m.pt", overrides=CARD)


def test_a_variance_below_zero(tmp_path: Path, network: nn.Module) -> None:
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state["encoders.0.1.running_var"][:2] = -1
    torch.save(state, tmp_path / "m.pt")
    with pytest.raises(ModelError, match=r"2 of the 4 values of encoders\.0\.1\.running_var are negative"):
        load_model(tmp_path / "m.pt", overrides=CARD)


def test_a_value_that_only_float64_can_hold(tmp_path: Path, network: nn.Module) -> None:
    state = {name: tensor.double() for name, tensor in network.state_dict().items()}
    state["head.weight"].view(-1)[0] = 1e300
    torch.save(state, tmp_path / "m.pt")
    with pytest.raises(ModelError, match=r"head\.weight are NaN or infinite"):
        load_model(tmp_path / "m.pt", overrides=CARD)


def test_finite_weights_whose_output_is_not(tmp_path: Path, network: nn.Module) -> None:
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state["encoders.0.0.weight"].fill_(3e38)
    torch.save(state, tmp_path / "m.pt")
    with pytest.raises(ModelError, match="gives NaN or infinite values for an ordinary image"):
        load_model(tmp_path / "m.pt", overrides=CARD)


def test_a_program_with_a_damaged_statistic(tmp_path: Path, network: nn.Module) -> None:
    network.encoders[0][1].running_var[0] = -1  # type: ignore[index, union-attr]
    _save_program(network, 2, tmp_path / "m.pt")
    with pytest.raises(ModelError, match=r"encoders\.0\.1\.running_var are negative"):
        load_model(tmp_path / "m.pt", trust=True, overrides=CARD)


def test_statistics_of_other_layers_count_too() -> None:
    layer = nn.InstanceNorm2d(3, track_running_stats=True)
    assert layer.running_mean is not None
    layer.running_mean[1] = math.nan
    with pytest.raises(ModelError, match=r"1 of the 3 values of 0\.running_mean"):
        check_values(nn.Sequential(layer), "m.pt")


def test_layers_that_normalize_by_their_batch_are_noted(tmp_path: Path) -> None:
    assert without_statistics(nn.Sequential(nn.BatchNorm2d(2))) == ()
    network = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2, track_running_stats=False)
    ).eval()
    assert without_statistics(network) == ("1",)
    _save_program(network, 1, tmp_path / "m.pt")
    model = load_model(tmp_path / "m.pt", trust=True, overrides={"defaults": True})
    assert any("depends on the slices that go through the network with it" in note for note in model.notes)
