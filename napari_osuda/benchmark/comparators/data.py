"""What the comparators learn from: slices of the source with their classes, and of the target without."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_osuda.benchmark.patients import Patient
from napari_osuda.benchmark.training import TrainingSlices, training_slices
from napari_osuda.errors import CaseError
from napari_osuda.imaging import SliceStack
from napari_osuda.models import ModelCard
from napari_osuda.session import slice_spec

__all__ = ["folds", "labeled_slices", "unlabeled_slices"]


def labeled_slices(names: Sequence[str], load: Callable[[str], Patient], card: ModelCard) -> TrainingSlices:
    """Slices of patients, with their classes.

    Parameters
    ----------
    names : sequence of str
    load : callable
        Gives the patient of a name.
    card : ModelCard
        Of the source model: its preprocessing, its classes.

    Raises
    ------
    CaseError
        There is nobody, or one cannot be read.
    """
    if not names:
        raise CaseError("There is no patient with labels to train on: is it the whole data set?")
    classes = {value: k for k, value in enumerate(card.channel_values)}
    patients = map(load, names)
    return TrainingSlices.join(
        training_slices(p.case, p.reference, slice_spec(card), classes) for p in patients
    )


def unlabeled_slices(patients: Iterable[Patient], card: ModelCard) -> NDArray[np.float16]:
    """Slices of patients, [N, C, h, w], as the network sees them; their references are not looked at.

    Parameters
    ----------
    patients : iterable of Patient
    card : ModelCard
        Of the source model.
    """
    stacks = [SliceStack(patient.case, slice_spec(card)) for patient in patients]
    return np.concatenate(
        [stack.slices(np.flatnonzero(stack.foreground)).astype(np.float16) for stack in stacks]
    )


def folds(patients: Sequence[str], count: int) -> list[tuple[str, ...]]:
    """Patients dealt into folds in turn, no more folds than patients."""
    count = min(count, len(patients))
    return [tuple(patients[number::count]) for number in range(count)]
