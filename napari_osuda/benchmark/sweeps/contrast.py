"""What each intensity map does to each contrast: ``python -m napari_osuda.benchmark.sweeps.contrast``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import nn

from napari_osuda.benchmark.patients import VALIDATION, Patient, simulated_patient
from napari_osuda.benchmark.protocols import PROTOCOLS
from napari_osuda.benchmark.sweeps.signals import gather
from napari_osuda.benchmark.tables import markdown_table
from napari_osuda.evaluation import dice
from napari_osuda.files import written_whole
from napari_osuda.imaging import INTENSITY_MAPS, IntensityMap, SliceStack, expected_map
from napari_osuda.method import preset, source_distance
from napari_osuda.models import SourceModel, load_model
from napari_osuda.session.guard.passes import WHOLE
from napari_osuda.session.inference.case_slices import slice_spec
from napari_osuda.session.inference.prediction import predicted
from napari_osuda.session.run.target import Target

__all__ = ["MapTrial", "check_contrasts", "choices_table", "contrast_table", "try_map"]

_IMAGES = {"T2": "t2-no-shift", "FLAIR": "t2-to-flair", "T1": "t2-to-t1", "T1ce": "t2-to-t1ce"}


@dataclass(frozen=True)
class MapTrial:
    """One image through one map, as the source model sees it.

    Attributes
    ----------
    image, how, patient
        Contrast, map, and seed of the patient.
    d : tuple of float
        Mean channel distance (eq. 5) of the first, the middle and the last third of the BN layers.
    mean_d : float
        Of all channels.
    mirror, coherence : float
        How consistent the source model's mask is (`session.guard_signals`).
    dice : float
        Of the source model's whole mask.
    """

    image: str
    how: IntensityMap
    patient: int
    d: tuple[float, float, float]
    mean_d: float
    mirror: float
    coherence: float
    dice: float


# What could choose a map without labels: the greatest of these.
_CRITERIA: dict[str, Callable[[MapTrial], float]] = {
    "names (the default)": lambda t: float(t.how == expected_map("t2", t.image)),
    "least mean d": lambda t: -t.mean_d,
    "least d, first third of the layers": lambda t: -t.d[0],
    "least d, middle third": lambda t: -t.d[1],
    "least d, last third": lambda t: -t.d[2],
    "mirror": lambda t: t.mirror,
    "coherence": lambda t: t.coherence,
    "mirror and coherence less mean d": lambda t: t.mirror + t.coherence - t.mean_d,
    "the reference (best possible)": lambda t: t.dice,
}


def check_contrasts(seeds: Sequence[int]) -> Iterator[MapTrial]:
    """Give the T2 model of the sample data each contrast of some patients through each map.

    Parameters
    ----------
    seeds : sequence of int
        Of simulated patients.
    """
    from napari_osuda.simulation.shipped import sample_models

    model = load_model(sample_models()["whole-tumour-t2"])
    for seed in seeds:
        for image, protocol in _IMAGES.items():
            patient = simulated_patient(PROTOCOLS[protocol], seed)
            for how in INTENSITY_MAPS:
                yield try_map(model, patient, image, how, seed)


def try_map(model: SourceModel, patient: Patient, image: str, how: IntensityMap, seed: int) -> MapTrial:
    """What the source model makes of an image of one channel through a map."""
    spec = replace(slice_spec(model.card), intensity_maps=(how,))
    config = preset("osuda")
    batch = next(iter(Target((patient.case,), spec, config.batch_size, config.seed, config.minimum_head)))
    distance = source_distance(model.network, batch)
    assert distance is not None
    sizes = [m.num_features for m in model.network.modules() if isinstance(m, nn.BatchNorm2d)]
    layers = np.split(distance.numpy(), np.cumsum(sizes)[:-1])
    thirds = [float(np.concatenate(third).mean()) for third in _thirds(layers)]
    stack = SliceStack(patient.case, spec)
    *_, labels = predicted(model.network, stack, model.card)
    *_, evidence = gather(model.network, stack, model.card)
    assert isinstance(labels, np.ndarray)
    assert not isinstance(evidence, tuple)
    return MapTrial(
        image,
        how,
        seed,
        (thirds[0], thirds[1], thirds[2]),
        float(distance.mean()),
        evidence[WHOLE].mirror,
        evidence[WHOLE].coherence,
        float(dice(labels != 0, patient.reference != 0)),
    )


def _thirds(layers: Sequence[np.ndarray]) -> list[Sequence[np.ndarray]]:
    third = len(layers) // 3
    return [layers[:third], layers[third:-third], layers[-third:]]


def contrast_table(found: Sequence[MapTrial]) -> str:
    """Range of d and of Dice over the patients, a line for each image and a pair of columns for each map."""
    lines = []
    for image in dict.fromkeys(trial.image for trial in found):
        line = [image]
        for how in INTENSITY_MAPS:
            of = [t for t in found if (t.image, t.how) == (image, how)]
            for values in ([t.mean_d for t in of], [t.dice for t in of]):
                line.append(f"{min(values):.2f} to {max(values):.2f}")
        lines.append(line)
    header = [f"{how}: {what}" for how in INTENSITY_MAPS for what in ("d", "Dice")]
    return markdown_table(["image", *header], lines)


def choices_table(found: Sequence[MapTrial]) -> str:
    """Mean Dice of the maps that each criterion chooses, patient by patient; a column for each image."""
    images = tuple(dict.fromkeys(trial.image for trial in found))
    patients = tuple(dict.fromkeys(trial.patient for trial in found))
    lines = []
    for name, worth in _CRITERIA.items():
        line = [name]
        for image in images:
            chosen = [
                max((t for t in found if (t.image, t.patient) == (image, patient)), key=worth)
                for patient in patients
            ]
            line.append(f"{np.mean([t.dice for t in chosen]):.2f}")
        lines.append(line)
    return markdown_table(["chosen by", *images], lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables, and write them."""
    parser = argparse.ArgumentParser(
        prog="python -m napari_osuda.benchmark.sweeps.contrast", description=__doc__
    )
    parser.add_argument("--patients", type=int, default=5, help=f"of {len(VALIDATION)} validation patients")
    parser.add_argument("--out", type=Path, default=Path("docs/results/contrast.md"))
    options = parser.parse_args(argv)
    found = list(check_contrasts(VALIDATION[: options.patients]))
    table, choices = contrast_table(found), choices_table(found)
    with written_whole(options.out) as path:
        path.write_text(
            "# Intensity maps on validation patients\n\nThe T2 model of the sample data, not adapted, on "
            f"each contrast of {options.patients} simulated patients. d: mean channel distance (eq. 5) of a "
            "batch in the source network's own flow, slices with half a head or more. Least to greatest over "
            f"the patients.\n\n{table}\n\n## What could choose the map\n\nMean Dice of the source model with "
            "the map that has the most of each, patient by patient. *mirror* and *coherence* are those of "
            "the source model's mask: how nearly the mirrored head, and the next slice, get the same.\n\n"
            f"{choices}\n"
        )
    sys.stdout.write(f"{table}\n\n{choices}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
