"""A GPU works through a queue: how a step hands it work and gets figures back without waiting for either.

The processor that waits for a GPU leaves it idle afterwards, until the next work has been handed over.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["Arrival", "arriving", "has_queue", "sent", "timed"]

Arrival: TypeAlias = "Callable[[], npt.NDArray[np.floating]]"
"""Gives values that are on their way to the processor, and waits for them if it must."""


def has_queue(device: torch.device) -> bool:
    """Whether what a device is asked for is done later, and waiting for it can be avoided."""
    # Apple's GPUs have one as well; what is read of them is waited for, as nobody has measured it there.
    return device.type == "cuda"


def sent(x: Tensor, device: torch.device) -> Tensor:
    """A tensor on a device; nobody waits until it has arrived there."""
    if x.device == device or not has_queue(device):
        return x.to(device)
    return x.pin_memory().to(device, non_blocking=True)


def arriving(flat: Tensor) -> Arrival:
    """Begin to copy a tensor of one axis to the processor."""
    if not has_queue(flat.device):
        here = flat.cpu().numpy()
        return lambda: here
    host = torch.empty(flat.shape, dtype=flat.dtype, pin_memory=True)
    host.copy_(flat, non_blocking=True)
    copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
    copied.record()

    def read() -> npt.NDArray[np.floating]:
        copied.synchronize()
        return host.numpy()

    return read


def timed(device: torch.device) -> Callable[[], Callable[[], float]]:
    """Begin to time what a device is asked for; to be ended by a call, which gives how to read the seconds.

    Of a GPU they are those between the two places in its queue, to be read once it has come there.
    """
    if not has_queue(device):
        began = time.perf_counter()

        def end() -> Callable[[], float]:
            seconds = time.perf_counter() - began
            return lambda: seconds

        return end
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    first.record()

    def end_there() -> Callable[[], float]:
        last.record()
        return lambda: float(first.elapsed_time(last)) / 1000.0

    return end_there
