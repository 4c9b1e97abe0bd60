"""A cohort of small patients under all that goes wrong: a killed worker, a broken image, a full disk.

``python tools/try_cohort.py [--patients 40] [--snakemake PROGRAM] [--into DIR]`` makes a BIDS dataset of
small simulated heads and a small network, runs the cohort by two processes (or by Snakemake, two jobs at a
time), kills one in the middle, and checks that the same command ends it: all but the broken one are done.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np

ROOT = Path(__file__).parents[1]
SETTINGS = ["--set", "iterations=1", "batch_size=4", "contrast=off", "threads=1"]
AFFINE = np.diag([-2.0, -2.0, 4.0, 1.0])


def main() -> int:
    """Run it; 0 where all is as it should be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patients", type=int, default=40)
    parser.add_argument("--snakemake", metavar="PROGRAM")
    parser.add_argument("--into", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as own:
        trial = Trial(options.into or Path(own), options.patients, options.snakemake)
        trial.run()
        print("\n".join(trial.faults) or "0 faults")
        return 1 if trial.faults else 0


class Trial:
    """One dataset, one output, and what was found to be wrong."""

    def __init__(self, place: Path, patients: int, snakemake: str | None) -> None:
        self.bids, self.out, self.model = place / "bids", place / "out", place / "model"
        self.labels = [f"{n:03d}" for n in range(patients)]
        self.broken = self.labels[patients // 3]
        self.snakemake = snakemake
        self.faults: list[str] = []

    def run(self) -> None:
        """All of it."""
        make_dataset(self.bids, self.labels)
        make_model(self.model)
        image = self.bids / f"sub-{self.broken}" / "anat" / f"sub-{self.broken}_T2w.nii.gz"
        whole = image.read_bytes()
        image.write_bytes(whole[: len(whole) // 2])

        began = time.monotonic()
        self._kill_in_the_middle()
        done = self._done()
        print(
            f"killed after {time.monotonic() - began:.0f} s with {len(done)} of {len(self.labels)} done",
            flush=True,
        )
        stamps = {path: path.stat().st_mtime_ns for path in done}
        self._expect(self._all(), failed=True)
        print(f"the same command ended it after {time.monotonic() - began:.0f} s", flush=True)
        self._check(stamps)
        image.write_bytes(whole)
        self._expect(self._all(), failed=False)
        states = self._table()
        self._require(set(states.values()) == {"done"}, f"after the image was mended: {states}")
        print(f"with the image mended: {len(states)} done after {time.monotonic() - began:.0f} s", flush=True)
        self._full_disk()

    def _check(self, stamps: dict[Path, int]) -> None:
        moved = [path.name for path, stamp in stamps.items() if path.stat().st_mtime_ns != stamp]
        self._require(not moved, f"done twice: {moved}")
        states = self._table()
        wrong = {
            name: s
            for name, s in states.items()
            if s != ("failed" if name == f"sub-{self.broken}" else "done")
        }
        self._require(not wrong, f"after the second call: {wrong}")
        self._require(len(states) == len(self.labels), "the table lacks patients")
        left = [str(path) for path in self.out.rglob(".partial-*")]
        self._require(not left, f"left half written: {left}")

    def _full_disk(self) -> None:
        """No file may grow beyond 2 kB: as on a disk that is full, what is written fails in the middle."""
        if os.name != "posix":
            return
        import resource

        out = self.out.with_name("out-full")

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))

        label = self.labels[0]
        ended = subprocess.run(
            self._command(out, label), preexec_fn=limit, capture_output=True, text=True, check=False
        )
        self._require(ended.returncode == 1, f"a full disk ended with {ended.returncode}: {ended.stderr}")
        self._require("Traceback" not in ended.stderr, ended.stderr)
        self._require(
            not list(out.glob(f"sub-{label}/anat/*_dseg.nii.gz")), "half a mask was left by a full disk"
        )
        print(
            f"full disk: {ended.stderr.strip().splitlines()[-1] if ended.stderr else 'nothing said'}",
            flush=True,
        )
        again = subprocess.run(self._command(out, label), capture_output=True, text=True, check=False)
        self._require(again.returncode == 0, f"with room again: {again.stderr}")

    def _command(self, out: Path, label: str | None = None, part: int | None = None) -> list[str]:
        command = [sys.executable, "-m", "napari_osuda", "cohort", str(self.bids), str(out), "participant"]
        command += ["--model", str(self.model), "--quiet", *SETTINGS]
        if label is not None:
            command += ["--participant-label", label]
        if part is not None:
            command += ["--num-parts", "2", "--part-id", str(part)]
        return command

    def _start(self) -> list[subprocess.Popen[bytes]]:
        if self.snakemake is None:
            return [
                subprocess.Popen(self._command(self.out, part=part), start_new_session=True)
                for part in (1, 2)
            ]
        config = {
            "bids_dir": self.bids, "out": self.out, "model": self.model, "threads": 1, "retries": 0,
            "patients_a_job": max(1, len(self.labels) // 4),
            "command": f"{sys.executable} -m napari_osuda", "options": f"'{' '.join(SETTINGS)}'",
        }  # fmt: skip
        given = [f"{key}={value}" for key, value in config.items()]
        profile = ROOT / "workflows" / "profiles" / "local"
        command = [
            self.snakemake,
            "--snakefile",
            str(ROOT / "workflows" / "Snakefile"),
            "--profile",
            str(profile),
        ]
        command += ["--directory", str(self.bids.parent), "--quiet", "all", "--config", *given]
        return [subprocess.Popen(command, start_new_session=True)]

    def _all(self) -> list[int]:
        """Run all to the end, and the table."""
        codes = [process.wait() for process in self._start()]
        group = [
            sys.executable,
            "-m",
            "napari_osuda",
            "cohort",
            str(self.bids),
            str(self.out),
            "group",
            "--quiet",
        ]
        self._require(subprocess.run(group, check=False).returncode == 0, "group failed")
        return codes

    def _kill_in_the_middle(self) -> None:
        processes = self._start()
        while len(self._done()) < len(self.labels) // 4 and all(p.poll() is None for p in processes):
            time.sleep(0.2)
        # All that belongs to the first worker, as a node that goes down.
        os.killpg(processes[0].pid, signal.SIGKILL)
        for process in processes:
            process.wait()
        if self.snakemake is not None:
            unlock = [*self._unlock()]
            subprocess.run(unlock, check=False)

    def _unlock(self) -> list[str]:
        snakefile = str(ROOT / "workflows" / "Snakefile")
        given = [f"bids_dir={self.bids}", f"out={self.out}"]
        command = [str(self.snakemake), "--snakefile", snakefile, "--directory", str(self.bids.parent)]
        return [*command, "--unlock", "--quiet", "all", "--config", *given]

    def _done(self) -> list[Path]:
        # Not those that are being written, whose names begin with a dot.
        found = sorted((self.out / "jobs").glob("[!.]*.json"))
        return [path for path in found if json.loads(path.read_text())["state"] == "done"]

    def _table(self) -> dict[str, str]:
        with open(self.out / "participants.tsv", encoding="utf-8", newline="") as stream:
            return {row["participant_id"]: row["state"] for row in csv.DictReader(stream, delimiter="\t")}

    def _expect(self, codes: list[int], *, failed: bool) -> None:
        self._require(
            any(codes) == failed, f"exit codes {codes}, where a failure was {'' if failed else 'not '}due"
        )

    def _require(self, holds: bool, fault: str) -> None:
        if not holds:
            self.faults.append(fault)


def make_dataset(root: Path, labels: list[str]) -> None:
    """Small heads with a lesion, each patient of another scale of intensities."""
    shape = (24, 26, 5)
    x, y, _ = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    inside = x**2 + y**2 < 0.8
    for number, label in enumerate(labels):
        rng = np.random.default_rng(number)
        lesion = (x - 0.2) ** 2 + (y + 0.1) ** 2 < 0.1
        image = np.where(inside, (100 + 60 * lesion + rng.normal(0, 8, shape)) * (1 + number % 4), 0)
        folder = root / f"sub-{label}" / "anat"
        folder.mkdir(parents=True)
        nib.save(nib.Nifti1Image(image.astype(np.float32), AFFINE), folder / f"sub-{label}_T2w.nii.gz")
    (root / "dataset_description.json").write_text(
        json.dumps({"Name": "Small heads", "BIDSVersion": "1.10.0"})
    )


def make_model(folder: Path) -> None:
    """A small network with statistics of its own."""
    import torch

    from napari_osuda.models import ModelCard, write_model_folder
    from napari_osuda.networks import UNet

    torch.manual_seed(0)
    network = UNet(1, 2, (4, 8))
    with torch.no_grad():
        network(torch.randn(8, 1, 16, 16))
    card = ModelCard.of(
        name="Small", channels=("t2",), output_channels=("background", "lesion"), step=(2, 2), minimum=(8, 8),
        architecture={"import_from": "napari_osuda.networks", "callable": "UNet",
                      "kwargs": {"in_channels": 1, "out_channels": 2, "features": [4, 8]}},
    )  # fmt: skip
    write_model_folder(folder, network.eval(), card)


if __name__ == "__main__":
    sys.exit(main())
