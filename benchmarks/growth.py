"""How the cost of a run grows with slices, BatchNorm channels and patients: ``python benchmarks/growth.py``.

Of each, small and large cases are measured in turns, and the CPU time of a unit (a slice, a channel, a
patient) of the largest is divided by that of the smallest: 1 is growth in proportion.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from figures import Figure, run
from torch import nn

from napari_osuda.imaging import Case, Grid
from napari_osuda.imaging.case import case_from_arrays
from napari_osuda.method import AdaptationConfig, adapt, preset
from napari_osuda.models import ModelCard, SourceModel
from napari_osuda.networks import UNet
from napari_osuda.session import adapt_case

SLICES, CHANNELS, PATIENTS = (40, 160, 640), (500, 4_000, 20_000), (1, 10, 50)
# How much dearer a unit may become from the smallest to the largest.
LIMIT = 1.2


def model() -> SourceModel:
    """A small network of one contrast."""
    torch.manual_seed(0)
    network = UNet(1, 2, (8, 16))
    with torch.no_grad():
        network(torch.randn(8, 1, 32, 32))
    card = ModelCard.of(
        name="Growth", channels=("flair",), output_channels=("background", "lesion"),
        labels={0: "background", 1: "lesion"}, regions={"WT": (1,)}, step=(2, 2), minimum=(8, 8),
        architecture={"import_from": "napari_osuda.networks", "callable": "UNet",
                      "kwargs": {"in_channels": 1, "out_channels": 2, "features": [8, 16]}},
    )  # fmt: skip
    return SourceModel(network.eval(), card, Path("growth"), "0" * 64)


def patient(number: int, slices: int) -> Case:
    """A round head of noise."""
    shape = (64, 64, slices)
    x, y = np.meshgrid(np.linspace(-1, 1, 64), np.linspace(-1, 1, 64), indexing="ij")
    inside = np.broadcast_to((x**2 + y**2 < 0.8)[..., None], shape)
    noise = np.random.default_rng(number).normal(100, 20, shape)
    image = np.where(inside, noise, 0).astype(np.float32)
    return case_from_arrays(f"patient-{number}", {"flair": image}, Grid(shape, np.eye(4)))


def cpu(work: Callable[[], object]) -> float:
    """Seconds of CPU time of this process."""
    began = time.process_time()
    work()
    return time.process_time() - began


def growth(
    name: str, sizes: tuple[int, ...], jobs: list[Callable[[], object]], turns: int
) -> Iterator[Figure]:
    """The cost of a unit at each size, and how much dearer it is at the largest."""
    jobs[0]()
    seconds = [[cpu(job) for job in jobs] for _ in range(turns)]
    units = [statistics.median(turn[k] for turn in seconds) / size for k, size in enumerate(sizes)]
    told = ", ".join(f"{size}: {1000 * unit:.2f} ms" for size, unit in zip(sizes, units, strict=True))
    print(f"CPU time for each of so many {name}: {told}")
    yield Figure(f"a unit's cost at {sizes[-1]} {name} / at {sizes[0]}", units[-1] / units[0], LIMIT)


def whole_run(cases: tuple[Case, ...]) -> Callable[[], object]:
    """A run with the guard, without a folder; as many steps as the target has batches."""
    batches = -(-sum(case.grid.shape[2] for case in cases) // 16)
    config = preset("osuda", iterations=batches, contrast="off", precision="float32", threads=1)
    return lambda: adapt_case(model(), cases, config, device="cpu")


def by_slices(given: argparse.Namespace) -> Iterator[Figure]:
    """Of one patient."""
    sizes = SLICES[: given.sizes]
    jobs = [whole_run((patient(0, slices),)) for slices in sizes]
    yield from growth("slices", sizes, jobs, given.turns)


def by_patients(given: argparse.Namespace) -> Iterator[Figure]:
    """Adapted to together."""
    sizes = PATIENTS[: given.sizes]
    jobs = [whole_run(tuple(patient(n, 32) for n in range(count))) for count in sizes]
    yield from growth("patients", sizes, jobs, given.turns)


def by_channels(given: argparse.Namespace) -> Iterator[Figure]:
    """In layers of 500 on tiny images, where the method's own arithmetic is all there is."""

    def steps(channels: int) -> Callable[[], object]:
        layers = [nn.Conv2d(1, 500, 1)]
        for _ in range(channels // 500):
            layers += [nn.Conv2d(500, 500, 1, groups=500), nn.BatchNorm2d(500)]
        network = nn.Sequential(*layers, nn.Conv2d(500, 2, 1)).eval()
        config = AdaptationConfig(iterations=10**6, precision="float32", threads=1)
        ours = adapt(network, [torch.randn(2, 1, 8, 8)], config)
        return lambda: [next(ours) for _ in range(3)]

    sizes = CHANNELS[: given.sizes]
    yield from growth("channels", sizes, [steps(channels) for channels in sizes], given.turns)


def main() -> int:
    """Measure, and print how the cost grows."""
    options = argparse.ArgumentParser()
    options.add_argument("--turns", type=int, default=3)
    options.add_argument(
        "--sizes", type=int, choices=(2, 3), default=3, help="2 leaves out the largest of each"
    )
    torch.set_num_threads(1)
    parts = {"slices": by_slices, "channels": by_channels, "patients": by_patients}
    return run(__doc__ or "", parts, options)


if __name__ == "__main__":
    sys.exit(main())
