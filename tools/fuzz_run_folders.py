"""Honest run folders with one to three files spoiled at random: each must open, resume or give a sentence.

    python tools/fuzz_run_folders.py --count 500 --seed 1 --table docs/results/fuzz-run-folders.md

Values of documents are replaced, bytes flipped, states and arrays exchanged for others, files replaced by
folders, pipes and links. A finished folder is reviewed and saved; an unfinished one is found and resumed.
What is written outside the folder counts as a traceback. The same seed makes the same folders.
"""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
from fuzzing import NASTY, Tally, main, mutated, spoil_bytes

from napari_osuda.errors import OsudaError
from napari_osuda.imaging import read_case
from napari_osuda.method import preset
from napari_osuda.models import Architecture, ModelCard, load_model, write_model_folder
from napari_osuda.models.architectures import build_network
from napari_osuda.session import Finished, Step, adapt_case
from napari_osuda.session.api import make_job
from napari_osuda.session.review.run import ReviewRun
from napari_osuda.session.review.saving import save_review
from napari_osuda.session.run.run import Run
from napari_osuda.session.run_folder.record import read_record
from napari_osuda.session.run_folder.steps import read_curves
from napari_osuda.session.run_folder.unfinished import find_unfinished

ARGUMENTS = {"in_channels": 1, "out_channels": 2, "features": [4, 8]}
CONFIG = preset("osuda", iterations=3, batch_size=4, learning_rate=1e-3, threads=1)


# -- honest folders


def _job(place: Path, out: Path, *, resume: bool = False) -> Any:
    torch.manual_seed(0)
    architecture = Architecture(import_from="napari_osuda.networks", callable="UNet", kwargs=ARGUMENTS)
    card = ModelCard.of(
        channels=("t2",), output_channels=("background", "lesion"), step=(2, 2), minimum=(8, 8),
        architecture=architecture,
    )  # fmt: skip
    if not (place / "model").exists():
        write_model_folder(place / "model", build_network(architecture), card)
        grid = np.meshgrid(*(np.linspace(-1, 1, n) for n in (22, 24, 6)), indexing="ij")
        inside = grid[0] ** 2 + grid[1] ** 2 < 0.8
        image = np.where(inside, 100 + np.random.default_rng(0).normal(0, 12, inside.shape), 0)
        (place / "patient").mkdir()
        image = nib.Nifti1Image(image.astype(np.float32), np.diag([2, 2, 3, 1.0]))
        nib.save(image, place / "patient/a_t2.nii.gz")
    model = load_model(place / "model")
    return make_job(model, read_case(place / "patient", model.card.channels), CONFIG, out=out, resume=resume)


def of_finished(place: Path) -> Path:
    job = _job(place, place / "runs/run")
    adapt_case(job.model, job.cases, job.config, out=job.out)
    run = ReviewRun.of_folder(job.out)
    review = run.review("patient")
    review.decide("after", "axial", [1, 2])
    save_review(run, "patient", "A. Reader")
    return Path(job.out)


def of_unfinished(place: Path) -> Path:
    job = _job(place, place / "runs/run")
    events = iter(Run(job, keep_states=True))
    for event in events:
        if isinstance(event, Step) and event.report.t == 1:
            break
    events.close()
    return Path(job.out)


# -- what is done with them


def open_finished(folder: Path) -> None:
    """As Review does: read all that there is, decide, and save."""
    read_record(folder)
    read_curves(folder)
    run = ReviewRun.of_folder(folder)
    for name in run.names:
        review = run.review(name)
        run.images(name)
        run.state(name)
        review.decide("before", "axial", [0])
        save_review(run, name, "B. Reader")


def resume(folder: Path) -> None:
    """As Adapt does: look for unfinished runs, and go on with this one."""
    found = find_unfinished(folder.parent)
    if not found:
        raise OsudaError("No unfinished run is found.")
    for event in Run(found[0].job()):
        if isinstance(event, Finished) and event.result.outcome == "failed":
            raise OsudaError(event.result.error or "")


# -- spoiling them


def spoil_folder(folder: Path, chance: random.Random) -> None:
    """Spoil one to three files."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
        documents = [p for p in files if p.suffix in (".json", ".pt", ".npz", ".csv")]
        file = chance.choice(documents if documents and chance.random() < 0.8 else files)
        act = chance.random()
        try:
            _spoil(file, act, chance)
        except Exception:  # it was spoiled already, beyond what reads it
            spoil_bytes(file, chance)


def _spoil(file: Path, act: float, chance: random.Random) -> None:
    if act < 0.12:
        _replace(file, chance)
    elif file.suffix == ".json" and act < 0.85:
        text = json.dumps(mutated(json.loads(file.read_text()), chance))
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
    elif file.suffix == ".pt" and act < 0.6:
        torch.save(_other_state(file, chance), file)
    elif file.suffix == ".npz" and act < 0.6:
        np.savez_compressed(file, **_other_arrays(file, chance))
    else:
        spoil_bytes(file, chance)


def _replace(file: Path, chance: random.Random) -> None:
    """Put something else in the place of a file, or of the folder that it is in."""
    outside = file.parents[len(file.parents) - 2] / "outside"
    act = chance.randrange(7)
    if act == 0:
        file.unlink()
    elif act == 1:
        file.write_bytes(b"")
    elif act == 2:
        file.unlink()
        os.mkfifo(file)
    elif act == 3:
        file.unlink()
        file.mkdir()
    elif act == 4:
        file.unlink()
        file.symlink_to(file)
    elif act == 5:
        file.unlink()
        file.symlink_to(outside / "canary")
    else:
        (file.parent / ".lock").symlink_to(outside / "canary")


def _other_state(file: Path, chance: random.Random) -> Any:
    state = torch.load(file, weights_only=True)
    others: list[Any] = [
        *NASTY, torch.zeros(0), torch.zeros(3, dtype=torch.complex64), {"weight": torch.zeros(2)},
        torch.zeros(10, 10).to_sparse(), torch.empty(10**6, device="meta"),
    ]  # fmt: skip
    keys = list(state) if isinstance(state, dict) else []
    if not keys or chance.random() < 0.1:
        return chance.choice(others)
    key = chance.choice(keys)
    act = chance.random()
    if isinstance(state[key], dict) and state[key] and act < 0.5:
        state[key][chance.choice(list(state[key]))] = chance.choice(others)
    elif isinstance(state[key], list) and state[key] and act < 0.5:
        state[key][chance.randrange(len(state[key]))] = chance.choice(others)
    elif act < 0.8:
        state[key] = chance.choice(others)
    else:
        del state[key]
    return state


def _other_arrays(file: Path, chance: random.Random) -> dict[str, Any]:
    with np.load(file) as archive:
        arrays = {name: archive[name] for name in archive.files}
    name = chance.choice(list(arrays))
    others: list[Any] = [np.zeros(0), np.zeros((2, 3)), np.array(5), np.array(["a"]), np.array([{}], object),
                         np.full(4, np.nan), np.array([1e300]), np.zeros((4, 0)), np.arange(9)]  # fmt: skip
    if chance.random() < 0.2:
        del arrays[name]
    else:
        arrays[name] = chance.choice(others)
    return arrays


FORMS: dict[str, tuple[Callable[[Path], Path], Callable[[Path], None]]] = {
    "finished, reviewed": (of_finished, open_finished),
    "unfinished, resumed": (of_unfinished, resume),
}


# -- trying them


def run(form: str, count: int, seed: int) -> Tally:
    """Try so many spoiled folders."""
    make, action = FORMS[form]
    logging.getLogger("nibabel").setLevel(logging.CRITICAL)
    torch.set_num_threads(1)
    chance, tally = random.Random(f"{form} {seed}"), Tally(form)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        (place / "outside").mkdir()
        (place / "outside/canary").write_text("untouched")
        honest = make(place)
        for _ in range(2):
            shutil.copytree(honest, place / "try/runs/run")
            tally.honest(lambda: action(place / "try/runs/run"), 1)
            shutil.rmtree(place / "try")
        shown = _listing(place)
        for i in range(count):
            shutil.copytree(honest, place / "try/runs/run")
            spoil_folder(place / "try/runs/run", chance)

            def carried_out() -> None:
                try:
                    action(place / "try/runs/run")
                finally:
                    if _listing(place) != shown or (place / "outside/canary").read_text() != "untouched":
                        raise RuntimeError(f"written outside the folder: {set(_listing(place)) ^ set(shown)}")

            tally.attempt(carried_out, f"try {i}")
            shutil.rmtree(place / "try")
    return tally


def _listing(place: Path) -> list[str]:
    """All that is there but for what is in the folder that is tried."""
    tried = place / "try/runs/run"
    found = (p.relative_to(place).as_posix() for p in place.rglob("*") if not p.is_relative_to(tried))
    return sorted(name for name in found if name not in ("try", "try/runs"))


if __name__ == "__main__":
    sys.exit(main(__doc__ or "", list(FORMS), run, "Spoiled run folders", 500))
