"""Target patients of a protocol: simulated from a seed, and kept on disk for the next trial."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda import simulation
from napari_osuda.benchmark.protocols import Protocol
from napari_osuda.benchmark.template import require_known_template
from napari_osuda.benchmark.training.slices import training_slices
from napari_osuda.files import written_whole
from napari_osuda.imaging import Case, Grid, case_from_arrays
from napari_osuda.models import ModelCard
from napari_osuda.session.inference.case_slices import slice_spec
from napari_osuda.simulation import CONTRASTS, SCANNERS, simulate_patient

__all__ = [
    "KNOWN_TO_GUARD",
    "KNOWN_TO_SOURCE",
    "TEST",
    "TUNING",
    "VALIDATION",
    "Patient",
    "cache_folder",
    "class_shares",
    "simulated_patient",
]

# No patient is in two of these, nor among those that the sample data were trained on, scored with or
# shipped (sample_data/build.py).
KNOWN_TO_SOURCE = tuple(seed for seed in range(100_000, 100_024) if seed % 12)
"""Seeds of some of the patients that the sample models were trained on; every twelfth has no tumor."""
VALIDATION = range(300_000, 300_006)
"""Seeds of the patients that settings were chosen on."""
TUNING = range(300_006, 300_014)
"""Seeds of the patients that the guard's score was chosen on."""
TEST = range(400_000, 400_030)
"""Seeds of the patients that results are reported on."""
KNOWN_TO_GUARD = range(400_000, 400_025)
"""Those of them for whom the guard was changed, once results had been seen (docs/defaults.md)."""


@dataclass(frozen=True, eq=False)
class Patient:
    """A target patient with the reference that scores it.

    Attributes
    ----------
    name : str
    case : Case
        With the channels of the protocol's model.
    reference : uint8 array [I, J, K]
        Values of the model's card.
    """

    name: str
    case: Case
    reference: NDArray[np.uint8]


def simulated_patient(protocol: Protocol, seed: int, cache: Path | None = None) -> Patient:
    """Simulate a patient of a protocol's target domain.

    Parameters
    ----------
    protocol : Protocol
    seed : int
        The same for two protocols of one grade and scanner: the same patient.
    cache : Path, optional
        Where simulated patients are kept (about 4 MB each); see `cache_folder`.
    """
    kept = _simulated(seed, protocol, cache_folder() if cache is None else cache)
    labels = kept["labels"]
    shape = (int(labels.shape[0]), int(labels.shape[1]), int(labels.shape[2]))
    grid = Grid(shape, kept["affine"])
    case = case_from_arrays(str(seed), {c: kept[image] for c, image in protocol.images.items()}, grid)
    # The names tell the contrasts, as those of real files do.
    names = [Path(f"{seed}_{image}.nii.gz") for image in protocol.images.values()]
    named = tuple(replace(source, path=name) for source, name in zip(case.sources, names, strict=True))
    case = replace(case, sources=named)
    reference = (labels > 0).astype(np.uint8) if protocol.whole_tumor else labels
    return Patient(str(seed), case, reference)


def cache_folder() -> Path:
    """Where simulated patients are kept: ``OSUDA_CACHE``, or a folder among the temporary files."""
    return Path(os.environ.get("OSUDA_CACHE") or Path(tempfile.gettempdir()) / "napari-osuda-simulated")


def _simulated(seed: int, protocol: Protocol, cache: Path) -> Mapping[str, NDArray[Any]]:
    path = cache / _simulation_version() / f"{seed}-{protocol.grade}-{protocol.scanner}.npz"
    if path.is_file():
        with np.load(path) as kept:
            return dict(kept)
    require_known_template()
    patient = simulate_patient(seed, protocol.grade, SCANNERS[protocol.scanner])
    # Whole numbers, as the files of a scanner hold.
    arrays: dict[str, NDArray[Any]] = {c: np.round(patient.images[c]).astype(np.uint16) for c in CONTRASTS}
    arrays |= {"labels": patient.labels, "affine": patient.affine}
    with written_whole(path) as partial, open(partial, "wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    return arrays


@lru_cache(maxsize=1)
def _simulation_version() -> str:
    """Hash of the simulation's program text: patients of another version are not taken for this one's."""
    sources = sorted(Path(simulation.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def class_shares(patients: Iterable[Patient], card: ModelCard) -> tuple[float, ...]:
    """Share of the pixels that each output channel has in the slices of some patients with references.

    What CRUDA is told: a class ratio that is known from elsewhere.

    Parameters
    ----------
    patients : iterable of Patient
    card : ModelCard
        Of a model whose labels do not overlap.
    """
    classes = {value: k for k, value in enumerate(card.channel_values)}
    counts = np.zeros(len(classes))
    for patient in patients:
        slices = training_slices(patient.case, patient.reference, slice_spec(card), classes)
        counts += np.bincount(slices.classes.ravel(), minlength=len(classes))
    return tuple((counts / counts.sum()).tolist())
