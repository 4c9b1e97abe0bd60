"""Cost of an adaptation step against the best plain step of the same network: benchmarks/step_cost.py.

Both train all parameters by Adam on the same batch and minimize the entropy; the plain one normalizes by
BatchNorm in train mode and lacks eqs. 3 to 5. It is measured in both memory layouts; the faster counts.
All take turns, so that a drift of the machine's speed hits each; a ratio is the median over the turns.
CPU time is what decides where other programs run as well; wall time is told beside it.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch
from figures import Figure, run
from residual_unet import ResidualUNet
from torch import nn
from torch.nn.utils import convert_conv2d_weight_memory_format, convert_conv3d_weight_memory_format

from napari_osuda.method import AdaptationConfig, adapt, main_output, self_entropy
from napari_osuda.method.computing.arithmetic import has_bfloat16
from napari_osuda.networks import UNet

LIMIT = 1.05
# Turns that fill the caches, and do not count.
_WARM = 2


def unet() -> nn.Module:
    """The sample models' network."""
    return UNet(4, 4)


def basic_unet() -> nn.Module:
    """MONAI's, with BatchNorm."""
    from monai.networks.nets import BasicUNet

    return BasicUNet(2, 4, 4, features=(16, 32, 64, 128, 256, 16), norm="batch")


def dynunet() -> nn.Module:
    """MONAI's twin of nnU-Net, 3-D."""
    from monai.networks.nets import DynUNet

    strides = (1, 2, 2, 2)
    return DynUNet(3, 4, 4, (3,) * 4, strides, strides[1:], filters=(16, 32, 64, 128), norm_name="batch")


def smp_unet() -> nn.Module:
    """Of segmentation_models_pytorch, with a residual encoder; where that is not installed, our copy."""
    if find_spec("segmentation_models_pytorch") is None:
        return ResidualUNet(4, 4)
    import segmentation_models_pytorch as smp

    return smp.Unet("resnet34", encoder_weights=None, in_channels=4, classes=4)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], str]] = {
    "unet": (unet, (8, 4, 128, 128), "torch"),
    "basicunet": (basic_unet, (8, 4, 128, 128), "monai"),
    "dynunet": (dynunet, (2, 4, 48, 48, 48), "monai"),
    "smp": (smp_unet, (8, 4, 128, 128), "torch"),
}

Seconds = tuple[float, float]
"""CPU time of the process, and wall time."""


def timed(step: Callable[[], Any]) -> Seconds:
    """How long a step takes."""
    began, wall = time.process_time(), time.perf_counter()
    step()
    return time.process_time() - began, time.perf_counter() - wall


def plain_steps(
    network: nn.Module, batch: torch.Tensor, dtype: torch.dtype | None, last: bool
) -> Iterator[None]:
    """One plain training step after the other, with channels last or in the usual order."""
    network = copy.deepcopy(network).train()
    if last:
        convert = (
            convert_conv3d_weight_memory_format if batch.dim() == 5 else convert_conv2d_weight_memory_format
        )
        network = convert(network, torch.channels_last_3d if batch.dim() == 5 else torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    while True:
        with torch.autocast("cpu", dtype, enabled=dtype is not None):
            output = main_output(network(batch))
        loss = self_entropy(output, "softmax")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        loss.item()
        yield


def step_cost(name: str, given: argparse.Namespace) -> Iterator[Figure]:
    """The figures of one network, in each precision that this processor is fast in."""
    make, shape, package = NETWORKS[name]
    if find_spec(package) is None:
        print(f"{name}: {package} is not installed")
        return
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    network, batch = make().eval(), torch.randn(shape)
    precisions = {"float32": None}
    if has_bfloat16(torch.device("cpu")):
        precisions["bfloat16"] = torch.bfloat16
    for precision, dtype in precisions.items():
        ours = adapt(network, [batch], AdaptationConfig(iterations=10_000, precision=precision))
        ways = [partial(next, plain_steps(network, batch, dtype, last)) for last in (False, True)]
        ways.append(partial(next, ours))
        turns = [[timed(way) for way in ways] for _ in range(given.pairs + _WARM)][_WARM:]
        medians = [statistics.median(turn[way][0] for turn in turns) for way in range(3)]
        best = min((0, 1), key=lambda way: medians[way])
        cpu, wall = (statistics.median(turn[2][k] / turn[best][k] for turn in turns) for k in (0, 1))
        layout = ("usual order", "channels last")[best]
        print(
            f"{name}, {precision}: plain {medians[0]:.3f} s in the usual order, {medians[1]:.3f} s with "
            f"channels last; OSUDA {medians[2]:.3f} s of CPU; {wall:.3f} of the wall time of {layout}"
        )
        yield Figure(f"step / best plain step, {name}, {precision}", cpu, LIMIT)


def main() -> int:
    """Measure, and print the ratios."""
    options = argparse.ArgumentParser()
    options.add_argument("--pairs", type=int, default=12, help="turns that count (default 12)")
    options.add_argument("--threads", type=int, default=torch.get_num_threads())
    return run(__doc__ or "", {name: partial(step_cost, name) for name in NETWORKS}, options)


if __name__ == "__main__":
    sys.exit(main())
