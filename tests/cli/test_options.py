from __future__ import annotations

import argparse

import pytest

from napari_osuda.cli.options import add_device, card_answers
from napari_osuda.errors import ConfigError


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
