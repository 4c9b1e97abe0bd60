from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from napari_osuda.cli.options import add_device, add_model_options, card_answers, model_of_options
from napari_osuda.errors import ConfigError, ModelError
from napari_osuda.simulation.shipped import sample_models


@pytest.mark.parametrize("device", ["auto", "cpu", "mps", "cuda", "cuda:0", "cuda:12"])
def test_devices_as_torch_calls_them(device):
    parser = argparse.ArgumentParser()
    add_device(parser)
    assert parser.parse_args(["--device", device]).device == device


@pytest.mark.parametrize("device", ["tpu", "cuda:", "cuda:one", "cpu:1", "CUDA", "cuda:-1", "cuda:1234"])
def test_other_devices_are_wrong_usage(device, capsys):
    parser = argparse.ArgumentParser()
    add_device(parser)
    with pytest.raises(SystemExit) as stop:
        parser.parse_args(["--device", device])
    assert stop.value.code == 2
    assert "cuda:1" in capsys.readouterr().err


def test_answers_are_key_and_value():
    assert card_answers(["plane=axial", "labels = 0=background,1=tumor"]) == {
        "plane": "axial",
        "labels": "0=background,1=tumor",
    }
    with pytest.raises(ConfigError, match="'axial' is not KEY=VALUE"):
        card_answers(["axial"])


def model_called(name):
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    add_model_options(parser)
    return model_of_options(parser.parse_args([name]))


def test_a_sample_model_is_found_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name, path = next(iter(sample_models().items()))
    assert model_called(name).path == path
    # What lies in this folder comes first.
    (tmp_path / name).mkdir()
    with pytest.raises(ModelError, match=name):
        model_called(name)


def test_where_there_is_no_model_the_samples_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="There is no model at whole-tumor") as told:
        model_called("whole-tumor")
    assert all(name in str(told.value) for name in sample_models())
