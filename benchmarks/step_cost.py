"""Cost of an adaptation step against a plain train-mode BatchNorm step of the same network, side by side.

Both train the same parameters by the same optimizer on the same batches and minimize the entropy; the
plain step lacks eqs. 3 to 5. The two take turns, so that a drift of the machine's speed hits both; the
medians and their ratio are printed. Then the same for our step with the channels of a pixel side by side in
memory, as a session has them on a CPU, against the usual order.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time

import torch
from torch.nn.utils import convert_conv2d_weight_memory_format

from napari_osuda.method import AdaptationConfig, adapt, self_entropy
from napari_osuda.networks import UNet


def plain_steps(network: torch.nn.Module, batch: torch.Tensor, parameters: str):
    """Yield the seconds of one plain training step after the other."""
    network = copy.deepcopy(network).train()
    affine = [p for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d) for p in m.parameters()]
    trained = list(network.parameters()) if parameters == "all" else affine
    network.requires_grad_(False)
    for parameter in trained:
        parameter.requires_grad_(True)
    optimizer = torch.optim.Adam(trained, lr=1e-4)
    while True:
        began = time.perf_counter()
        loss = self_entropy(network(batch), "softmax")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        loss.item()
        yield time.perf_counter() - began


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20, help="steps of each kind (default 20)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    network = UNet(4, 4).eval()
    batch = torch.randn(16, 4, 128, 128)
    print(f"UNet(4, 4), batch {tuple(batch.shape)}, {options.threads} threads, {options.pairs} pairs")
    print("| parameters | plain BN step, s | OSUDA step, s | ratio (median of pairs) |\n|---|---|---|---|")
    for parameters in ("all", "affine"):
        config = AdaptationConfig(iterations=10_000, parameters=parameters)
        ours, plain = adapt(network, [batch], config), plain_steps(network, batch, parameters)
        pairs = [(next(plain), next(ours).seconds) for _ in range(options.pairs + 3)][3:]
        a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(y / x for x, y in pairs)
        print(f"| {parameters} | {a:.3f} | {b:.3f} | {ratio:.3f} |")
    config = AdaptationConfig(iterations=10_000)
    beside = convert_conv2d_weight_memory_format(copy.deepcopy(network), torch.channels_last)
    usual, ours = (adapt(net, [batch], config) for net in (network, beside))
    pairs = [(next(usual).seconds, next(ours).seconds) for _ in range(options.pairs + 3)][3:]
    ratio = statistics.median(y / x for x, y in pairs)
    print(f"OSUDA step, channels side by side against the usual order: {ratio:.3f} (median of pairs)")


if __name__ == "__main__":
    main()
