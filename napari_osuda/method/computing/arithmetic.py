"""How a network computes fastest on its device: the memory layout of its weights, and the precision.

`benchmarks/step_cost.py` measures both: on a CPU a step takes 0.8 of the time with channels last, and half of
it in bfloat16.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import convert_conv2d_weight_memory_format, convert_conv3d_weight_memory_format

from napari_osuda.method.outputs import main_output

__all__ = [
    "Precision", "autocast_dtype", "compute_in", "has_bfloat16", "lay_out", "output_of", "with_threads",
]  # fmt: skip

Precision = Literal["auto", "float32", "bfloat16"]
"""Of a network's arithmetic; "auto" is bfloat16 where the processor has instructions for it."""


def autocast_dtype(precision: Precision, device: torch.device, dtype: torch.dtype) -> torch.dtype | None:
    """What a network's arithmetic is cast to; None to leave it as it is.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16"}
    device : torch.device
    dtype : torch.dtype
        Of the network's parameters. "auto" leaves all but float32 alone.
    """
    if precision == "bfloat16":
        return torch.bfloat16
    if precision == "float32" or dtype != torch.float32:
        return None
    return torch.bfloat16 if has_bfloat16(device) else None


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for bfloat16, with which it is faster."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        # Private names of torch, which has no public ones for this; where they are gone, float32 it is.
        known = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile"))
        return any(tell is not None and tell() for tell in known)
    return False


def compute_in(network: nn.Module, dtype: torch.dtype | None) -> nn.Module:
    """Have `output_of` cast a network's arithmetic to a dtype; None leaves it as it is.

    The network is marked, and no more: who calls it by itself gets what it gives by itself. The mark goes
    along when it is copied. Statistics of its layers' inputs are float32 all the same (`batch_statistics`).

    Parameters
    ----------
    network : nn.Module
    dtype : torch.dtype or None
        From `autocast_dtype`.

    Returns
    -------
    nn.Module
        The network.
    """
    network.computed_in = dtype  # type: ignore[assignment]
    return network


def output_of(network: nn.Module, x: Tensor) -> Tensor:
    """The network's main output [B, K, ...] for a batch [B, C, ...], computed as it is marked to be."""
    dtype = getattr(network, "computed_in", None)
    with torch.autocast(x.device.type, dtype, enabled=dtype is not None):
        return main_output(network(x))


def lay_out(model: nn.Module, batch: Tensor, dtype: torch.dtype | None = None) -> Callable[[], None]:
    """Put a network's weights into the memory format in which it is fastest, in place; values stay.

    Parameters
    ----------
    model : nn.Module
        In eval mode, on the device of ``batch``.
    batch : Tensor
        A small input [B, C, H, W] or [B, C, D, H, W], to try the network with.
    dtype : torch.dtype, optional
        What its arithmetic is cast to.

    Returns
    -------
    callable
        Gives the weights the memory format that they had.

    Notes
    -----
    A network that cannot work so (one that calls ``view`` on what a convolution gives) is left as it was.
    """
    volume = batch.dim() == 5
    if batch.device.type not in ("cpu", "cuda"):
        return lambda: None
    convert = convert_conv3d_weight_memory_format if volume else convert_conv2d_weight_memory_format
    last = torch.channels_last_3d if volume else torch.channels_last
    # Of a single channel both formats are true, and yet torch takes other ways: the strides tell.
    strides = [(p, p.stride()) for p in model.parameters()]

    def restore() -> None:
        for parameter, stride in strides:
            if parameter.stride() != stride:
                data = parameter.data
                parameter.data = torch.empty_strided(
                    data.shape, stride, dtype=data.dtype, device=data.device
                ).copy_(data)

    try:
        convert(model, last)
        with torch.no_grad(), torch.autocast(batch.device.type, dtype, enabled=dtype is not None):
            main_output(model(batch))
    except RuntimeError:
        restore()
    return restore


@contextmanager
def with_threads(count: int | None) -> Iterator[None]:
    """Let torch work with ``count`` CPU threads, and with as many as before afterwards."""
    before = torch.get_num_threads()
    if count is None or count == before:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
