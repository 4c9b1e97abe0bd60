"""nnU-Net's own networks, from the plain words of its plans and without nnU-Net's search for classes.

nnU-Net builds a network by ``nnunetv2.utilities.get_network_from_plans.get_network_from_plans``, which looks
up every class by the name that the plans give. A card of such a network names that function, so that it opens
wherever nnU-Net is; here the same arguments are taken, and the names come from a closed list.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from napari_osuda.errors import ModelError

__all__ = ["NNUNETS", "OPERATIONS", "get_network_from_plans", "networks_module"]

_MODULE = "dynamic_network_architectures.architectures.unet"
NNUNETS = ("PlainConvUNet", "ResidualEncoderUNet", "ResidualUNet")
# What plans name by its path; other places of the same class end in the same name.
OPERATIONS: Mapping[str, type[nn.Module]] = {
    kind.__name__: kind
    for kind in (
        nn.Conv2d, nn.Conv3d, nn.BatchNorm2d, nn.BatchNorm3d, nn.InstanceNorm2d, nn.InstanceNorm3d,
        nn.Dropout2d, nn.Dropout3d, nn.LeakyReLU, nn.ReLU, nn.GELU, nn.ELU, nn.SiLU,
    )
}  # fmt: skip


def networks_module() -> Any:
    """The library with nnU-Net's networks.

    Raises
    ------
    ImportError
        It is not installed.
    """
    return importlib.import_module(_MODULE)


def get_network_from_plans(
    arch_class_name: str,
    arch_kwargs: Mapping[str, Any],
    arch_kwargs_req_import: Sequence[str],
    input_channels: int,
    output_channels: int,
    allow_init: bool = True,
    deep_supervision: bool | None = None,
) -> nn.Module:
    """Build a network of nnU-Net; parameters as in nnU-Net's function of that name.

    ``allow_init`` is taken and does nothing: weights are loaded into every network that is built here.

    Raises
    ------
    ModelError
        A class is not in the closed list.
    """
    name = arch_class_name.rpartition(".")[2]
    if name not in NNUNETS:
        raise ModelError(f"nnU-Net's plans name the network {name}; it must be one of {', '.join(NNUNETS)}.")
    arguments = dict(arch_kwargs)
    for key in arch_kwargs_req_import:
        wanted = arguments.get(key)
        if wanted is None:
            continue
        operation = OPERATIONS.get(str(wanted).rpartition(".")[2])
        if operation is None or not str(wanted).startswith("torch."):
            raise ModelError(
                f"nnU-Net's plans name '{wanted}' for {key}; it must be one of torch.nn's "
                f"{', '.join(OPERATIONS)}."
            )
        arguments[key] = operation
    if deep_supervision is not None:
        arguments["deep_supervision"] = deep_supervision
    network = getattr(networks_module(), name)(
        input_channels=input_channels, num_classes=output_channels, **arguments
    )
    assert isinstance(network, nn.Module)
    return network
