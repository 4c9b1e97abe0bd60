"""Kill runs at random moments and resume them: their masks must be those of an uninterrupted run.

``python tools/kill_and_resume.py --model MODEL --case CASE --kills 30`` prints a line a kill and the sum.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np

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
    with tempfile.TemporaryDirectory() as place:
        return _try(options, Path(place))


def _try(options: argparse.Namespace, place: Path) -> int:
    command = [
        sys.executable, "-m", "napari_osuda", "adapt", "--model", options.model, "--case", options.case,
        "--quiet", "--set", *options.settings,
    ]  # fmt: skip
    began = time.monotonic()
    subprocess.run([*command, "--out", str(place / "whole")], check=True)
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
            process = subprocess.Popen(
                [*command, "--out", str(out), *resume], stderr=subprocess.PIPE, text=True
            )
            try:
                _, said = process.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += 1
                print(f"kill {kills} after {limit:.2f} s", flush=True)
                # Its last moment: the run had ended, and only the program had not.
                done = (out / "run.json").is_file() and not (out / "checkpoint").exists()
                continue
            done = True
            if process.returncode != 0:
                print(f"FAULT: exit {process.returncode}: {said.strip()}", flush=True)
                faults += 1
        runs += 1
        faults += _differences(place / "whole", out)
    print(f"{kills} kills in {runs} runs, {faults} faults")
    return 1 if faults else 0


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
