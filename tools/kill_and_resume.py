"""Kill runs at random moments and resume them: their masks must be those of an uninterrupted run.

``python tools/kill_and_resume.py --model MODEL --case CASE --kills 30`` prints a line a kill and the sum.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np

from napari_osuda.cli import main as main_of_program

MOST_STARTS = 12


def main() -> int:
    """Kill as often as asked; 1 where a mask differs, a run does not resume, or something is left behind."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--case", required=True)
    parser.add_argument("--kills", type=int, default=30, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--set", nargs="+", default=["iterations=10"], metavar="KEY=VALUE", dest="settings")
    options = parser.parse_args()
    for module in ("torch", "napari_osuda.models", "napari_osuda.session"):
        importlib.import_module(module)
    with tempfile.TemporaryDirectory() as place:
        return _try(options, Path(place))


def _try(options: argparse.Namespace, place: Path) -> int:
    command = [
        "adapt", "--model", options.model, "--case", options.case, "--quiet", "--set", *options.settings,
    ]  # fmt: skip
    said = place / "said"
    began = time.monotonic()
    process = _start([*command, "--out", str(place / "whole")], said)
    process.join()
    if process.exitcode != 0:
        raise SystemExit(f"The uninterrupted run failed: {said.read_text(encoding='utf-8').strip()}")
    whole = time.monotonic() - began
    print(f"uninterrupted: {whole:.1f} s", flush=True)
    rng, kills, runs, faults = random.Random(options.seed), 0, 0, 0
    while kills < options.kills:
        out = place / "run"
        shutil.rmtree(out, ignore_errors=True)
        starts, done = 0, False
        while not done:
            starts += 1
            resume = ["--resume"] if out.is_dir() else []
            # After so many starts the run may end, so that each is compared.
            limit = None if kills >= options.kills or starts > MOST_STARTS else rng.uniform(0.1, whole)
            process = _start([*command, "--out", str(out), *resume], said)
            process.join(limit)
            if process.exitcode is None:
                process.kill()
                process.join()
                kills += 1
                print(f"kill {kills} after {limit:.2f} s", flush=True)
                # Its last moment: the run had ended, and only the program had not.
                done = (out / "run.json").is_file() and not (out / "checkpoint").exists()
                continue
            done = True
            if process.exitcode != 0:
                text = said.read_text(encoding="utf-8").strip()
                print(f"FAULT: exit {process.exitcode}: {text}", flush=True)
                faults += 1
        runs += 1
        faults += _differences(place / "whole", out)
    print(f"{kills} kills in {runs} runs, {faults} faults")
    return 1 if faults else 0


# A fork of this process has everything imported, so that nearly every kill falls into the run itself.
_FORKS = multiprocessing.get_context("fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn")


def _start(arguments: list[str], said: Path) -> multiprocessing.process.BaseProcess:
    """The command line in a process of its own; what it writes to stderr is in ``said``."""
    process = _FORKS.Process(target=_carry_out, args=(arguments, said))
    process.start()
    return process


def _carry_out(arguments: list[str], said: Path) -> None:
    with open(said, "wb") as stream:
        os.dup2(stream.fileno(), 2)
    sys.exit(main_of_program(arguments))


def _differences(whole: Path, resumed: Path) -> int:
    faults = 0
    for path in sorted(whole.glob("*/*.nii.gz")):
        twin = resumed / path.relative_to(whole)
        same = twin.is_file() and np.array_equal(
            np.asarray(nib.load(path).dataobj), np.asarray(nib.load(twin).dataobj)
        )
        if not same:
            print(f"FAULT: {path.relative_to(whole)} differs", flush=True)
            faults += 1
    left = [
        p for p in resumed.rglob("*") if p.name.startswith(".partial-") or p.name in (".lock", "checkpoint")
    ]
    for path in left:
        print(f"FAULT: {path.relative_to(resumed)} is left behind", flush=True)
    return faults + len(left)


if __name__ == "__main__":
    raise SystemExit(main())
