"""What each intensity map does to each contrast: ``python -m napari_osuda.benchmark.contrast_check``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from napari_osuda.benchmark.patients import VALIDATION, Patient, simulated_patient
from napari_osuda.benchmark.protocols import PROTOCOLS
from napari_osuda.benchmark.tables import markdown_table
from napari_osuda.evaluation import dice
from napari_osuda.files import written_whole
from napari_osuda.imaging import INTENSITY_MAPS, IntensityMap, SliceStack
from napari_osuda.models import SourceModel, load_model
from napari_osuda.session.contrast import mean_distance
from napari_osuda.session.job import Job, slice_spec
from napari_osuda.session.prediction import predicted

__all__ = ["check_contrasts", "contrast_table", "try_map"]

_IMAGES = {"T2": "t2-no-shift", "FLAIR": "t2-to-flair", "T1": "t2-to-t1", "T1ce": "t2-to-t1ce"}


def check_contrasts(seeds: Sequence[int]) -> Iterator[tuple[str, IntensityMap, float, float]]:
    """Give the T2 model of the sample data each contrast of some patients through each map.

    Parameters
    ----------
    seeds : sequence of int
        Of simulated patients.

    Yields
    ------
    image, map, mean d of eq. 5, Dice of the source model
    """
    from napari_osuda.simulation.shipped import sample_models

    model = load_model(sample_models()["whole-tumour-t2"])
    for seed in seeds:
        for image, protocol in _IMAGES.items():
            patient = simulated_patient(PROTOCOLS[protocol], seed)
            for how in INTENSITY_MAPS:
                yield (image, how, *try_map(model, patient, how))


def try_map(model: SourceModel, patient: Patient, how: IntensityMap) -> tuple[float, float]:
    """Mean d of eq. 5 with a map, and the Dice of the source model that is handed the mapped image."""
    d = mean_distance(Job(model, (patient.case,)), model.network, torch.device("cpu"), (how,))
    assert d is not None
    spec = replace(slice_spec(model.card), intensity_maps=(how,))
    *_, labels = predicted(model.network, SliceStack(patient.case, spec), model.card)
    assert isinstance(labels, np.ndarray)
    return d, float(dice(labels != 0, patient.reference != 0))


def contrast_table(found: Sequence[tuple[str, IntensityMap, float, float]]) -> str:
    """Range of d and of Dice over the patients, a line for each image and a pair of columns for each map."""
    lines = []
    for image in dict.fromkeys(row[0] for row in found):
        line = [image]
        for how in INTENSITY_MAPS:
            of = [row[2:] for row in found if row[:2] == (image, how)]
            for values, form in zip(zip(*of, strict=True), (".2f", ".2f"), strict=True):
                line.append(f"{min(values):{form}} to {max(values):{form}}")
        lines.append(line)
    header = [f"{how}: {what}" for how in INTENSITY_MAPS for what in ("d", "Dice")]
    return markdown_table(["image", *header], lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, and write it."""
    parser = argparse.ArgumentParser(
        prog="python -m napari_osuda.benchmark.contrast_check", description=__doc__
    )
    parser.add_argument("--patients", type=int, default=5, help=f"of {len(VALIDATION)} validation patients")
    parser.add_argument("--out", type=Path, default=Path("docs/results/contrast.md"))
    options = parser.parse_args(argv)
    table = contrast_table(list(check_contrasts(VALIDATION[: options.patients])))
    with written_whole(options.out) as path:
        path.write_text(
            "# Intensity maps on validation patients\n\nThe T2 model of the sample data, not adapted, on "
            f"each contrast of {options.patients} simulated patients. d: mean channel distance (eq. 5) of a "
            "batch in the source network's own flow, slices with half a head or more. Least to greatest over "
            "the patients.\n\n" + table + "\n"
        )
    sys.stdout.write(table + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
