"""A folder that nnU-Net has trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nnunet_parts as parts
import pytest
import torch

NAMES = {2: "2d", 3: "3d_fullres"}


def trained(
    at: Path,
    dims: int = 3,
    network: str = "PlainConvUNet",
    *,
    batch_norm: bool = True,
    regions: bool = False,
    **how: Any,
) -> tuple[Path, torch.nn.Module]:
    """A trained model's folder, and the network in it."""
    pytest.importorskip("dynamic_network_architectures")
    config = parts.configuration(dims, network)
    built = parts.built(config, batch_norm, 3)
    all_plans = parts.plans({NAMES[dims]: config}, reader=how.pop("reader", "SimpleITKIO"))
    trainer = "nnUNetTrainerBN" if batch_norm else "nnUNetTrainer"
    said = parts.dataset(regions)
    return parts.folder(at, all_plans, said, NAMES[dims], built.state_dict(), trainer, **how), built
