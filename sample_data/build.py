"""Make everything in this folder again, from fixed seeds: ``make sample-data``.

Simulates the patients of a source hospital, trains the two source models on them, scores the models on
patients that training did not see, and writes the models, the target patients and ``provenance.json``.
About an hour on two cores; ``--only`` does a part of it.
"""

from __future__ import annotations

import argparse
import copy
import json
import multiprocessing
import os
import platform
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch

from napari_osuda.benchmark.template import require_known_template
from napari_osuda.benchmark.training.averaging import average_networks
from napari_osuda.benchmark.training.recipe import Recipe
from napari_osuda.benchmark.training.slices import TrainingSlices, training_slices
from napari_osuda.benchmark.training.training import train_source
from napari_osuda.evaluation import evaluate
from napari_osuda.files import sha256_of, written_whole
from napari_osuda.imaging import Case, Grid, SliceSpec, case_from_arrays
from napari_osuda.models import Architecture, ModelCard, load_model, write_model_folder
from napari_osuda.networks import UNet
from napari_osuda.session import predict_case, slice_spec
from napari_osuda.simulation import CONTRASTS, LABELS, SCANNERS, SimulatedPatient, simulate_patient

HERE = Path(__file__).parent

# Seeds of the cohorts, fixed before any training. No patient is in two of them.
TRAINING = range(100_000, 100_096)
UNSEEN = range(200_000, 200_012)
# One in so many of the training patients has no tumor.
ONE_HEALTHY_IN = 12
# Written into the models, so that building again gives the same bytes.
MADE = "2026-11-24T00:00:00+00:00"


@dataclass(frozen=True)
class Target:
    """A patient to be shipped. The seeds are round numbers, chosen before any model was trained."""

    name: str
    seed: int
    grade: str
    scanner: str
    contrasts: tuple[str, ...]
    # Axis codes of the array in the file, as scanners and converters leave them.
    axes: str
    # Reference with the BraTS codes, or the whole tumor as one label, as the model for it has.
    whole_tumor: bool = False


TARGETS = (
    Target("low-grade", 1000, "low", "A", CONTRASTS, "LPS"),
    Target("high-grade-other-contrasts", 2000, "high", "A", ("t1", "t1ce", "flair"), "LAS", whole_tumor=True),
    Target("high-grade-other-scanner", 3000, "high", "B", CONTRASTS, "LPI"),
)


@dataclass(frozen=True)
class Source:
    """A source model: its card's own part, and which of the cohort's channels and classes it learns."""

    folder: str
    card: ModelCard
    channels: tuple[int, ...]
    # Output channel of each of the classes 0 background, 1 core, 2 edema, 3 enhancing.
    classes: tuple[int, ...]
    # One for each round of training; a round goes on with the network of the one before. Of several, the
    # later ones' ends are averaged.
    recipes: tuple[Recipe, ...]
    description: str


def _card(**fields: Any) -> ModelCard:
    return ModelCard.of(
        plane="axial",
        orientation="RAS",
        size=(128, 128),
        field_of_view_mm=(240.0, 240.0),
        normalization="zscore_nonzero",
        activation="softmax",
        license="CC0-1.0",
        **fields,
    )


def _architecture(channels: int, classes: int, recipe: Recipe) -> Architecture:
    return Architecture(
        import_from="napari_osuda.networks",
        callable="UNet",
        kwargs={"in_channels": channels, "out_channels": classes, "features": list(recipe.features)},
    )


_RECIPE = Recipe(epochs=6, features=(16, 24, 32, 64, 128), seed=2021)
SOURCES = (
    Source(
        folder="glioma-four-contrasts",
        card=_card(
            name="Glioma from four contrasts",
            channels=CONTRASTS,
            labels=LABELS,
            regions={"WT": (1, 2, 4), "TC": (1, 4), "ET": (4,)},
            architecture=_architecture(4, 4, _RECIPE),
        ),
        channels=(0, 1, 2, 3),
        classes=(0, 1, 2, 3),
        recipes=(_RECIPE,),
        description="The paper's first task: core, edema and enhancing tumor from T1, T1ce, T2 and FLAIR.",
    ),
    Source(
        folder="whole-tumour-t2",
        card=_card(
            name="Whole tumor from T2",
            channels=("t2",),
            labels={0: "background", 1: "whole tumor"},
            regions={"WT": (1,)},
            architecture=_architecture(1, 2, _RECIPE),
        ),
        channels=(2,),
        classes=(0, 1, 1, 1),
        # One contrast tells less than four, and takes longer to learn from.
        recipes=(
            _RECIPE,
            replace(_RECIPE, epochs=4, learning_rate=1.5e-3, seed=2022),
            replace(_RECIPE, epochs=5, learning_rate=1.5e-3, seed=2023),
        ),
        description="The paper's second task: the whole tumor from T2 alone.",
    ),
)
SPEC: SliceSpec = slice_spec(SOURCES[0].card)


def as_case(patient: SimulatedPatient, channels: tuple[str, ...], name: str) -> Case:
    """Make a case of a simulated patient."""
    i, j, k = patient.labels.shape
    return case_from_arrays(name, {c: patient.images[c] for c in channels}, Grid((i, j, k), patient.affine))


def slices_of_patient(seed: int) -> TrainingSlices:
    """Simulate one training patient: slices with all contrasts and the four BraTS classes."""
    patient = simulate_patient(seed, None if seed % ONE_HEALTHY_IN == 0 else "high")
    case = as_case(patient, CONTRASTS, str(seed))
    return training_slices(case, patient.labels, SPEC, {value: k for k, value in enumerate(LABELS)})


def simulate_cohort(pool: ProcessPoolExecutor) -> TrainingSlices:
    """Simulate the training patients."""
    return TrainingSlices.join(pool.map(slices_of_patient, TRAINING))


def train(source: Source, cohort: str, out: str) -> None:
    """Train one source model on the cohort in a folder, and write it."""
    # One thread: the sums, and so the weights, do not depend on how many cores there are.
    torch.set_num_threads(1)
    images = np.load(Path(cohort) / "images.npy", mmap_mode="r")[:, list(source.channels)]
    classes = np.array(source.classes, np.uint8)[np.load(Path(cohort) / "classes.npy")]
    slices = TrainingSlices(images, classes)
    network: UNet | None = None
    rounds: list[UNet] = []
    for recipe in source.recipes:
        for report in train_source(slices, len(source.card.labels), recipe, network):
            print(
                f"{source.folder}: epoch {report.epoch} of {report.epochs}, loss {report.loss:.4f}",
                flush=True,
            )
        network = report.network
        rounds.append(copy.deepcopy(network))
    assert network is not None
    if len(rounds) > 1:
        # The first round's end is far from the later ones': they start where it arrived.
        network = average_networks(rounds[1:], slices)
    write_source(source, network, Path(out))


def write_source(source: Source, network: UNet, out: Path) -> None:
    """Write a source model in place of the one that is there."""
    provenance = {
        "training": f"{len(TRAINING)} simulated high-grade patients of scanner A, "
        f"seeds {TRAINING.start} to {TRAINING.stop - 1}, made by sample_data/build.py",
        "recipes": [asdict(recipe) for recipe in source.recipes],
    }
    with tempfile.TemporaryDirectory(dir=out) as folder:
        made = write_model_folder(
            Path(folder) / source.folder,
            network.eval(),
            source.card,
            provenance=provenance,
            fields={"timestamp": MADE, "description": source.description},
        )
        place = out / source.folder
        shutil.rmtree(place, ignore_errors=True)
        made.rename(place)


def score_patient(folder: str, seed: int) -> dict[str, float]:
    """Dice of each region on one unseen patient of the source hospital, in the patient's own voxels."""
    torch.set_num_threads(1)
    model = load_model(folder)
    patient = simulate_patient(seed, "high")
    case = as_case(patient, model.card.channels, str(seed))
    reference = patient.labels
    if set(model.card.labels) == {0, 1}:
        reference = (reference > 0).astype(np.uint8)
    scores = evaluate(
        predict_case(model, case, device="cpu"), reference, case.grid.spacing, model.card.regions
    )
    return {score.region: round(score.dice, 4) for score in scores}


def score(folder: Path, pool: ProcessPoolExecutor) -> dict[str, Any]:
    """Score a model on the unseen patients of its own domain."""
    each = list(pool.map(score_patient, [str(folder)] * len(UNSEEN), UNSEEN))
    mean = {region: round(float(np.mean([scores[region] for scores in each])), 4) for region in each[0]}
    print(f"{folder.name}: mean Dice on {len(each)} unseen patients of its own domain: {mean}", flush=True)
    return {
        "weights_sha256": sha256_of(folder / "weights.pt"),
        "dice_mean": mean,
        "dice": {str(seed): scores for seed, scores in zip(UNSEEN, each, strict=True)},
    }


def write_patient(target: Target, out: Path) -> None:
    """Simulate a target patient and write its images and its reference."""
    patient = simulate_patient(
        target.seed, target.grade, SCANNERS[target.scanner], contrasts=target.contrasts
    )
    labels = (patient.labels > 0).astype(np.uint8) if target.whole_tumor else patient.labels
    files = {c: np.round(image).astype(np.int16) for c, image in patient.images.items()} | {"seg": labels}
    shutil.rmtree(out / target.name, ignore_errors=True)
    turn = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(target.axes)
    )
    for suffix, array in files.items():
        image = nib.Nifti1Image(array, patient.affine).as_reoriented(turn)
        image.header.set_xyzt_units("mm")
        image.set_qform(image.affine, code="scanner")
        image.set_sform(image.affine, code="scanner")
        with written_whole(out / target.name / f"{target.name}_{suffix}.nii.gz") as path:
            nib.save(image, path)
    print(f"{target.name}: {labels.shape}, {sorted(files)}", flush=True)


def provenance(scores: dict[str, Any]) -> dict[str, Any]:
    """Say what everything was made from and with."""
    packages = ("napari-osuda", "torch", "numpy", "scipy", "nibabel", "nilearn")
    return {
        "made_by": "sample_data/build.py",
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
        "processor": platform.machine(),
        "threads": 1,
        "template": "MNI152 T1, gray and white matter of nilearn",
        "training_seeds": [TRAINING.start, TRAINING.stop - 1],
        "unseen_seeds": [UNSEEN.start, UNSEEN.stop - 1],
        "models": {
            s.folder: {"recipes": [asdict(recipe) for recipe in s.recipes]} | scores[s.folder]
            for s in SOURCES
        },
        "patients": [asdict(target) for target in TARGETS],
    }


def main() -> None:
    """Build, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("patients", "models", "scores"), help="make only these")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to (this one)")
    chosen = parser.parse_args()
    require_known_template()
    models, patients = chosen.out / "models", chosen.out / "patients"
    models.mkdir(parents=True, exist_ok=True)
    # Not forked: torch's threads do not survive it.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(os.cpu_count() or 1, 8), mp_context=context) as pool:
        if chosen.only in (None, "patients"):
            for target in TARGETS:
                write_patient(target, patients)
        if chosen.only in (None, "models"):
            with tempfile.TemporaryDirectory() as cohort:
                slices = simulate_cohort(pool)
                print(f"{len(slices)} slices of {len(TRAINING)} training patients", flush=True)
                np.save(Path(cohort) / "images.npy", slices.images)
                np.save(Path(cohort) / "classes.npy", slices.classes)
                for job in [pool.submit(train, source, cohort, str(models)) for source in SOURCES]:
                    job.result()
        if chosen.only != "patients":
            scores = {source.folder: score(models / source.folder, pool) for source in SOURCES}
            with written_whole(chosen.out / "provenance.json") as path:
                path.write_text(json.dumps(provenance(scores), indent=1) + "\n")


if __name__ == "__main__":
    main()
