from __future__ import annotations

from pathlib import Path
from typing import Any

import nnunet_parts as parts
import pytest
import torch

from napari_osuda.errors import ModelError
from napari_osuda.models import (
    load_model,
)
from napari_osuda.models.architectures import nnunet as nnunet_networks


def test_the_missing_library_is_named_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = parts.configuration(3)
    path = parts.folder(
        tmp_path, parts.plans({"3d_fullres": config}), parts.dataset(), "3d_fullres",
        {"encoder.weight": torch.zeros(4, 2, 3, 3, 3), "encoder.running_mean": torch.zeros(4)},
    )  # fmt: skip

    def absent() -> None:
        raise ImportError(name="dynamic_network_architectures")

    monkeypatch.setattr(nnunet_networks.importlib, "import_module", lambda name: absent())
    with pytest.raises(ModelError, match=r"pip install 'napari-osuda\[nnunet\]'"):
        load_model(path, overrides={"defaults": True})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"arch_class_name": "os.system"}, "the network system; it must be one of PlainConvUNet"),
        (
            {"arch_kwargs": {"conv_op": "subprocess.Popen"}},
            "'subprocess.Popen' for conv_op; it must be one of",
        ),
        ({"arch_kwargs": {"nonlin": "evil.ReLU"}}, "'evil.ReLU' for nonlin"),
    ],
)
def test_plans_cannot_name_what_is_not_a_network(change: dict[str, Any], sentence: str) -> None:
    arguments: dict[str, Any] = {
        "arch_class_name": "x.PlainConvUNet",
        "arch_kwargs": {"conv_op": "torch.nn.Conv2d", "nonlin": None},
        "arch_kwargs_req_import": ["conv_op", "nonlin"],
        "input_channels": 1,
        "output_channels": 2,
    }
    with pytest.raises(ModelError, match=sentence):
        nnunet_networks.get_network_from_plans(**(arguments | change))
