"""Where the arithmetic runs, and how the numbers lie in memory there."""

from __future__ import annotations

import copy

import torch
from torch import nn

from napari_osuda.errors import ConfigError
from napari_osuda.imaging import SliceStack
from napari_osuda.method.computing.arithmetic import Precision, autocast_dtype, compute_in, lay_out

__all__ = ["DEVICES", "available_devices", "placed", "resolve_device"]

DEVICES = ("auto", "cpu", "cuda", "mps")
"""What a device may be called; one GPU of several is ``cuda:1`` and so on."""


def available_devices() -> tuple[str, ...]:
    """The devices of this machine, the fastest first; "cpu" is always the last."""
    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")


def resolve_device(name: str) -> torch.device:
    """The device that a name stands for; "auto" is the fastest there is, "cuda:1" the second GPU.

    Raises
    ------
    ConfigError
        The name is unknown, or this machine has no such device.
    """
    kind, colon, number = name.partition(":")
    if kind not in DEVICES or (colon and not (kind == "cuda" and number.isascii() and number.isdecimal())):
        raise ConfigError(f"device is '{name}'; it must be one of {', '.join(DEVICES)}, or cuda:1 and so on.")
    available = available_devices()
    if name == "auto":
        return torch.device(available[0])
    if kind not in available:
        raise ConfigError(
            f"This machine has no device '{name}' that torch can use; it has {', '.join(available)}. "
            "Choose auto to take the fastest there is."
        )
    if colon and int(number) >= torch.cuda.device_count():
        raise ConfigError(
            f"This machine has no device '{name}': its last is cuda:{torch.cuda.device_count() - 1}."
        )
    return torch.device(name)


def placed(
    network: nn.Module, device: torch.device, stack: SliceStack, precision: Precision = "float32"
) -> nn.Module:
    """A copy of a network on the device that is to do the work, in eval mode.

    Parameters
    ----------
    network : nn.Module
        Left as it is.
    device : torch.device
    stack : SliceStack
        What it will be given slices of.
    precision : {"auto", "float32", "bfloat16"}
        Of its arithmetic, for those who call it by `output_of`.

    Returns
    -------
    nn.Module

    Notes
    -----
    Its weights lie in memory as `napari_osuda.method.computing.arithmetic.lay_out` finds best.
    """
    copied = copy.deepcopy(network).to(device).eval()
    shape = stack.window or stack.shape
    kind = next((p.dtype for p in copied.parameters()), torch.float32)
    dtype = autocast_dtype(precision, device, kind)
    lay_out(copied, torch.zeros(1, len(stack.case.channels), *shape, device=device), dtype)
    return compute_in(copied, dtype)
