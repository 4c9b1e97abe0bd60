"""Where the arithmetic runs."""

from __future__ import annotations

import torch

from napari_osuda.errors import ConfigError

__all__ = ["DEVICES", "available_devices", "resolve_device"]

DEVICES = ("auto", "cpu", "cuda", "mps")


def available_devices() -> tuple[str, ...]:
    """The devices of this machine, the fastest first; "cpu" is always the last."""
    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")


def resolve_device(name: str) -> torch.device:
    """The device that a name stands for; "auto" is the fastest there is.

    Raises
    ------
    ConfigError
        The name is unknown, or this machine has no such device.
    """
    if name not in DEVICES:
        raise ConfigError(f"device is '{name}'; it must be one of {', '.join(DEVICES)}.")
    available = available_devices()
    if name == "auto":
        return torch.device(available[0])
    if name not in available:
        raise ConfigError(
            f"This machine has no device '{name}' that torch can use; it has {', '.join(available)}. "
            "Choose auto to take the fastest there is."
        )
    return torch.device(name)
