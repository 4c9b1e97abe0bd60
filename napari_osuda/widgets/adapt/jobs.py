"""From what has been chosen in the panels to jobs; each function is called off the GUI thread."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_osuda.errors import CaseError
from napari_osuda.widgets.adapt.inputs.case_of_layers import case_of_layers, reference_of_layer

if TYPE_CHECKING:
    from napari_osuda.imaging import Case, Preparation
    from napari_osuda.method import AdaptationConfig
    from napari_osuda.models import SourceModel
    from napari_osuda.session import Job, RunResult, Unfinished

__all__ = ["job_of_layers", "job_of_unfinished", "rerun_job"]


def job_of_layers(
    model: SourceModel,
    layers: Mapping[str, Any],
    reference: Any,
    config: AdaptationConfig,
    method: str,
    device: str,
    out: Path,
    prepared: tuple[Preparation | None, Any] = (None, None),
) -> Job:
    """The job of adapting ``model`` to image layers (by channel), with a Labels layer as reference or None.

    ``prepared`` is what is done to the images, and the Labels layer that marks the brain, or None.

    Raises
    ------
    OsudaError
        The layers are not a case.
    """
    from napari_osuda.session import Job

    case = case_of_layers(layers, model.card.channels, *prepared)
    labels = None if reference is None else _reference(reference, case, model)
    return Job(model, (case,), config, method, (labels,), device, out)


def rerun_job(
    result: RunResult, config: AdaptationConfig, method: str, device: str, out: Path, *, on_result: bool
) -> Job:
    """A run on the same cases with other settings: from its source model again, or from its result.

    Raises
    ------
    OsudaError
        The result's model cannot be read from the run folder.
    """
    from napari_osuda.models import load_model
    from napari_osuda.session import Job

    model = result.job.model
    if on_result:
        assert result.folder is not None
        # A program there was written by this run, from one that had been trusted.
        model = load_model(result.folder / "model", trust=model.card.architecture is None)
    return Job(model, result.job.cases, config, method, result.job.references, device, out)


def job_of_unfinished(unfinished: Unfinished, reference: Any) -> Job:
    """The job that goes on with a run; a reference layer counts where it lies on the same grid.

    Raises
    ------
    OsudaError
        The model or an image is no longer where it was, or has changed.
    """
    from napari_osuda.models import SavedAnswers

    job = unfinished.job(trust=SavedAnswers().trusted())
    if reference is not None:
        # Otherwise the labels in the viewer are another patient's.
        with contextlib.suppress(CaseError):
            job = dataclasses.replace(job, references=(_reference(reference, job.cases[0], job.model),))
    return job


def _reference(layer: Any, case: Case, model: SourceModel) -> Any:
    labels = reference_of_layer(layer, case)
    if sum(value != 0 for value in model.card.labels) == 1:
        # The model knows a single label: whatever a person drew is that.
        labels = (labels != 0).astype(np.uint8) * max(model.card.labels)
    return labels
