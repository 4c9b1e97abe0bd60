"""What a whole job costs, from files to report: ``python benchmarks/whole_job.py``.

The job: a patient of 240 x 240 x 155 voxels and four contrasts, the shipped model, all settings by default.
It is divided by its iterations times the best plain training step, plus two plain predictions of all slices:
what the work would cost without statistics, guard, reading, curve, masks and report. Both are CPU times.
The peak of memory is that of a process of its own, above that of a process that makes plain steps alone.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from figures import Figure, run
from scipy import ndimage
from step_cost import plain_steps, timed
from torch import nn

from napari_osuda.imaging import read_case
from napari_osuda.method import AdaptationConfig
from napari_osuda.models import SourceModel, load_model
from napari_osuda.session.api import make_job
from napari_osuda.session.events import After, Before, Progress, Started, Step
from napari_osuda.session.run.run import Run

LIMIT = 1.15
SHAPE = (240, 240, 155)
SAMPLES = Path(__file__).parent.parent / "sample_data"
# Of a plain step, in 10^6 bytes: what a job may take beside it.
BESIDE = 1.5 * 4 * 4 * float(np.prod(SHAPE)) / 1e6 + 150


def patient(folder: Path) -> Path:
    """The shipped patient of low grade, stretched to the size of a BraTS study."""
    for path in sorted((SAMPLES / "patients" / "low-grade").glob("*.nii.gz")):
        if path.name.endswith("_seg.nii.gz"):
            continue
        image = nib.load(path).get_fdata(dtype=np.float32)
        # A head of about 180 mm in an image of 240 mm, as there.
        inner = (180, 190, 155)
        zoomed = ndimage.zoom(image, [n / m for n, m in zip(inner, image.shape, strict=True)], order=1)
        whole = np.zeros(SHAPE, np.int16)
        whole[30:210, 25:215] = zoomed[:180, :190, :155]
        nib.save(nib.Nifti1Image(whole, np.diag([1.0, 1.0, 1.0, 1.0])), folder / path.name)
    return folder


class Spent:
    """What each part of a job takes: CPU time in seconds, and slices that go through a network.

    Times move with what else the machine does; slices are the same whenever the job is done again.
    """

    def __init__(self, kind: type[nn.Module]) -> None:
        self.seconds: Counter[str] = Counter()
        self.forward: Counter[str] = Counter()
        self.backward: Counter[str] = Counter()
        self._kind, self._last = kind, time.process_time()
        self._slices = [0, 0]

    def spend(self, on: str) -> None:
        """What came since the last call was this part's."""
        now = time.process_time()
        self.seconds[on] += now - self._last
        self._last = now
        self.forward[on] += self._slices[0]
        self.backward[on] += self._slices[1]
        self._slices = [0, 0]

    @contextlib.contextmanager
    def counting(self) -> Iterator[None]:
        """Count the slices of all networks of this kind."""
        forward = self._kind.forward

        @functools.wraps(forward)
        def counted(network: nn.Module, x: torch.Tensor) -> Any:
            self._slices[0] += len(x)
            self._slices[1] += len(x) * torch.is_grad_enabled()
            return forward(network, x)

        # Not a hook of all modules: that would cost each of them.
        self._kind.forward = counted  # type: ignore[method-assign]
        yield
        self._kind.forward = forward  # type: ignore[method-assign]

    @property
    def work(self) -> float:
        """In slices that are predicted: a pass back costs two forward."""
        return self.forward.total() + 2.0 * self.backward.total()


def job_of(model: SourceModel, images: Path, out: Path, config: AdaptationConfig) -> Spent:
    """Do the whole job, and tell what each of its parts takes."""
    spent = Spent(type(model.network))
    with spent.counting():
        case = read_case(images, model.card.channels)
        spent.spend("reading")
        stage = "contrasts, curve"
        for event in Run(make_job(model, case, config, device="cpu", out=out)):
            match event:
                case Started():
                    spent.spend("contrasts, curve")
                case Progress(stage=stage):
                    # What is told after a part of a stage was that part's work.
                    if stage != "writing":
                        spent.spend(stage)
                case Step():
                    spent.spend("adapt")
                case Before():
                    spent.spend("before")
                case After():
                    spent.spend("after")
        spent.spend("report, model, record")
    return spent


def plain(model: SourceModel, images: Path, config: AdaptationConfig, turns: int) -> tuple[float, float]:
    """CPU time of the best plain step, and of a plain prediction of all slices, in float32."""
    target = batches(model, images, config)
    size = len(target[0])
    steps = [partial(next, plain_steps(model.network, target[0], None, last)) for last in (False, True)]
    seconds = [[timed(step)[0] for step in steps] for _ in range(turns + 1)][1:]
    step = min(statistics.median(turn[k] for turn in seconds) for k in (0, 1))
    network = model.network.eval()
    ways = []
    for form in (torch.contiguous_format, torch.channels_last):
        laid = network.to(memory_format=form)
        with torch.inference_mode():
            laid(target[0])
            ways.append(statistics.median(timed(lambda n=laid: n(target[0]))[0] for _ in range(turns)))
    network.to(memory_format=torch.contiguous_format)
    return step, min(ways) / size * SHAPE[2]


def batches(model: SourceModel, images: Path, config: AdaptationConfig) -> list[torch.Tensor]:
    """The first batch of the target."""
    from napari_osuda.session.run.target import target_of

    job = make_job(model, read_case(images, model.card.channels), config, device="cpu")
    return list(islice(target_of(job, None), 1))


def whole_job(given: argparse.Namespace) -> Iterator[Figure]:
    """The ratio, and the profile."""
    torch.set_num_threads(given.threads)
    config = AdaptationConfig(threads=given.threads)
    with tempfile.TemporaryDirectory() as folder:
        images, model = patient(Path(folder)), load_model(SAMPLES / "models" / "glioma-four-contrasts")
        step, prediction = plain(model, images, config, given.turns)
        least = config.iterations * step + 2 * prediction
        print(f"plain: {step:.3f} s a step, {prediction:.3f} s a prediction, {least:.2f} s in all")
        out = Path(folder) / "run"
        spent = job_of(model, images, out, config)
        for part, seconds in spent.seconds.most_common():
            print(
                f"  {part}: {seconds:.2f} s, {seconds / least:.2f} of the plain work; "
                f"{spent.forward[part]} slices forward, {spent.backward[part]} back"
            )
        yield Figure("whole job / plain steps and predictions", spent.seconds.total() / least, LIMIT)
        slices = 3 * config.iterations * config.batch_size + 2 * SHAPE[2]
        yield Figure("whole job / plain steps and predictions, in slices", spent.work / slices, LIMIT)


def peak(given: argparse.Namespace) -> Iterator[Figure]:
    """How much more a job takes than plain steps."""
    found = []
    for what in ("plain", "job"):
        command = [sys.executable, __file__, "--peak-of", what, "--threads", str(given.threads)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found.append(float(told.split()[-1]))
    print(f"peak of memory: {found[0]:.0f} MB with plain steps, {found[1]:.0f} MB with a whole job")
    yield Figure("memory beside a plain step", found[1] - found[0], round(BESIDE), "MB")


def peak_of(what: str, threads: int) -> int:
    """Work in this process alone, and print its peak of memory."""
    torch.set_num_threads(threads)
    config = AdaptationConfig(threads=threads)
    model = load_model(SAMPLES / "models" / "glioma-four-contrasts")
    with tempfile.TemporaryDirectory() as folder:
        if what == "plain":
            x = torch.randn(config.batch_size, 4, 128, 128)
            for _ in islice(plain_steps(model.network, x, None, True), 3):
                pass
        else:
            # In a process of its own, so that stretching the patient is no part of it.
            command = f"import sys, pathlib; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
            command += f"import whole_job; whole_job.patient(pathlib.Path({folder!r}))"
            subprocess.run([sys.executable, "-c", command], check=True)
            job_of(model, Path(folder), Path(folder) / "run", config)
    print(peak_megabytes())
    return 0


def peak_megabytes() -> float:
    """The most memory that this process has had, without what its parent had when it was started."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) / 1000


def main() -> int:
    """Measure, and print the ratio and the peak."""
    options = argparse.ArgumentParser()
    options.add_argument("--turns", type=int, default=7)
    options.add_argument("--threads", type=int, default=torch.get_num_threads())
    options.add_argument("--peak-of", choices=("plain", "job"), help=argparse.SUPPRESS)
    early, _ = options.parse_known_args()
    if early.peak_of:
        return peak_of(early.peak_of, early.threads)
    return run(__doc__ or "", {"job": whole_job, "memory": peak}, options)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
