"""Two processes that adapt together, as torch's launcher begins them; as a program, one of the two."""

from __future__ import annotations

import functools
import os
import socket
import subprocess
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from method_reference import settle
from torch import nn

from napari_osuda.method import AdaptationConfig, StepReport, adapt, statistics
from napari_osuda.method.computing.distributed import ALONE, Processes
from napari_osuda.networks import UNet

SETTINGS = {
    "sum": AdaptationConfig(iterations=3, learning_rate=1e-2, precision="float32"),
    "proximal, mixed, affine": AdaptationConfig(
        iterations=3, learning_rate=1e-2, hbs="proximal", parameters="affine", optimizer="sgd",
        inference_statistics="mixed", precision="float32",
    ),
    "momentum, detached": AdaptationConfig(
        iterations=3, statistics="momentum", detach_statistics=True, precision="float32"
    ),
}  # fmt: skip


# Set by torch's launcher.
_LAUNCHED = {"MASTER_ADDR": "127.0.0.1", "WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "test"}


def run(*program: str | Path) -> list[str]:
    """Run a Python program in two processes; what each has printed, both streams.

    The environment is the launcher's; the launcher itself would take seconds more.
    """
    here = Path(__file__).parent
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(here.parent.parent), str(here)]), "OMP_NUM_THREADS": "1",
        "MASTER_PORT": str(free_port()), **_LAUNCHED,
    }  # fmt: skip
    started = [
        subprocess.Popen(
            [sys.executable, *map(str, program)],
            env=environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        printed = [process.communicate(timeout=240)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0, 0], "\n".join(printed)[-4000:]
    return printed


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@functools.cache
def network() -> nn.Module:
    """In float64, so that rounding hides nothing; made once, as threads have one random state together."""
    torch.manual_seed(0)
    return settle(UNet(2, 3, (4, 8)), 4, 2, 16, 16).double()


def target() -> list[torch.Tensor]:
    """Batches that two processes cannot share evenly, the last a single slice."""
    generator = torch.Generator().manual_seed(2)
    return [torch.randn(n, 2, 16, 16, generator=generator).double() * 0.7 - 0.4 for n in (4, 3, 1)]


def came_to(name: str, processes: Processes = ALONE) -> dict[str, torch.Tensor]:
    """All that an adaptation reports, and its network's parameters and statistics."""
    adaptation = adapt(network(), target(), SETTINGS[name], processes=processes)
    found = {}
    for step in adaptation:
        found |= {f"report {step.t} {field}": _value(step, field) for field in _FIELDS}
    return found | {key: value.clone() for key, value in adaptation.model.state_dict().items()}


_FIELDS = ("l_hbs", "l_se", "loss", "distance", "alpha", "gamma_shift", "beta_shift", "class_fractions")


def _value(step: StepReport, field: str) -> torch.Tensor:
    return torch.as_tensor(getattr(step, field))


def main(folder: Path) -> None:
    """Adapt with all settings, and gather the statistics in both of their ways."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    processes = Processes.present()
    found = {name: came_to(name, processes) for name in SETTINGS}
    at_once, statistics._AT_ONCE = statistics._AT_ONCE, 0
    found["sum, layer by layer"] = came_to("sum", processes)
    statistics._AT_ONCE = at_once
    said = processes.as_the_first(lambda: os.environ["RANK"]), processes.any(processes.rank == 1)
    assert said == ("0", True)
    torch.save(found, folder / f"{processes.rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
