"""Networks whose weights tell them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

UNET = "napari_osuda.networks.UNet"


MONAI = "monai.networks.nets"


BATCH = ["batch", {"affine": True}]


def _same(loaded: nn.Module, network: nn.Module) -> None:
    assert list(loaded.state_dict()) == list(network.state_dict())
    for key, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value), key


FAMILIES: dict[str, dict[str, Any]] = {
    "UNet": {"spatial_dims": 2, "channels": [4, 8, 8], "strides": [2, 1], "norm": BATCH, "num_res_units": 2},
    "UNet 3-D": {"spatial_dims": 3, "channels": [4, 8, 8], "strides": [2, 2], "norm": BATCH, "act": "RELU"},
    "BasicUNet": {"spatial_dims": 3, "norm": BATCH, "features": [4, 4, 6, 8, 8, 5]},
    "BasicUNet up": {"spatial_dims": 2, "norm": BATCH, "features": [4] * 6, "upsample": "nontrainable"},
    "BasicUNetPlusPlus": {"spatial_dims": 2, "norm": BATCH, "features": [4, 4, 6, 8, 8, 6]},
    "AttentionUnet": {"spatial_dims": 2, "channels": [4, 8, 8], "strides": [2, 2]},
    "SegResNet": {"spatial_dims": 3, "norm": BATCH, "blocks_down": [1, 2, 1], "blocks_up": [1, 2]},
    "SegResNetDS": {"spatial_dims": 2, "init_filters": 4, "norm": BATCH, "blocks_down": [1, 2, 1],
        "dsdepth": 2},
    "DynUNet": {"spatial_dims": 2, "kernel_size": [[3, 3], [3, 3], [3, 3]],
        "strides": [[1, 1], [2, 2], [2, 1]],
         "upsample_kernel_size": [[2, 2], [2, 1]], "filters": [4, 6, 8], "norm_name": BATCH,
        "deep_supervision": True, "deep_supr_num": 1},
    "VNet": {"spatial_dims": 2, "dropout_dim": 2},
}  # fmt: skip
