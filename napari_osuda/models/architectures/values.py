"""Whether a network's numbers can be what training left: finite, and no variance below 0."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from napari_osuda.errors import ModelError
from napari_osuda.models.architectures.programs import Program

__all__ = ["check_values", "without_statistics"]


def check_values(network: nn.Module, where: str) -> None:
    """Refuse weights and statistics that no training leaves.

    Parameters
    ----------
    network : nn.Module
        On the CPU.
    where : str
        How messages call the file.

    Raises
    ------
    ModelError
        A parameter or a statistic of BatchNorm is NaN or infinite, or a running variance is negative; the
        tensor is named, and how many of its values are so.
    """
    means, variances = _statistics(network)
    for name, tensor in [*network.named_parameters(), *means.items(), *variances.items()]:
        if not tensor.is_floating_point():
            continue
        wrong = int((~torch.isfinite(tensor)).sum())
        if wrong:
            raise ModelError(
                f"{where}: {wrong:,} of the {tensor.numel():,} values of {name} are NaN or infinite, so its "
                "masks would mean nothing. The file is damaged, or training failed: use another checkpoint."
            )
    for name, tensor in variances.items():
        negative = int((tensor < 0).sum())
        if negative:
            raise ModelError(
                f"{where}: {negative:,} of the {tensor.numel():,} values of {name} are negative, which no "
                "variance is. The file is damaged: use another checkpoint."
            )


def without_statistics(network: nn.Module) -> tuple[str, ...]:
    """Names of the BatchNorm layers that normalize by the very batch that they are given."""
    if isinstance(network, Program):
        calls = [node for node in network.graph.nodes if node.target is F.batch_norm]
        return tuple(str(node.name) for node in calls if node.args[1] is None)
    return tuple(
        name
        for name, module in network.named_modules()
        if isinstance(module, _BatchNorm) and module.running_mean is None
    )


def _statistics(network: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Running means and variances of all BatchNorm layers, by name."""
    means: dict[str, Tensor] = {}
    variances: dict[str, Tensor] = {}
    if isinstance(network, Program):
        tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
        for node in network.graph.nodes:
            if node.target is F.batch_norm:
                for into, given in zip((means, variances), node.args[1:3], strict=True):
                    name = str(getattr(given, "target", ""))
                    if name in tensors:
                        into[name] = tensors[name]
        return means, variances
    for name, module in network.named_modules():
        # Other layers keep statistics under these names too, InstanceNorm for one.
        for into, key in ((means, "running_mean"), (variances, "running_var")):
            tensor = getattr(module, key, None)
            if isinstance(tensor, Tensor):
                into[f"{name}.{key}".lstrip(".")] = tensor
    return means, variances
