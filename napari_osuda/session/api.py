"""The whole job in one call, for scripts and the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_osuda.errors import OsudaError
from napari_osuda.imaging import Case, SliceStack
from napari_osuda.method import AdaptationConfig, preset
from napari_osuda.method.computing.arithmetic import Precision
from napari_osuda.models import SourceModel
from napari_osuda.session.events import Event, Finished
from napari_osuda.session.inference.case_slices import slice_spec
from napari_osuda.session.inference.devices import placed, resolve_device
from napari_osuda.session.inference.prediction import predicted
from napari_osuda.session.job import Job, Labels, RunResult
from napari_osuda.session.preflight import check_input
from napari_osuda.session.run.run import Run

__all__ = ["adapt_case", "make_job", "predict_case"]


def make_job(
    model: SourceModel,
    cases: Case | Sequence[Case],
    config: AdaptationConfig | None = None,
    *,
    method: str = "osuda",
    references: Sequence[npt.NDArray[Any] | None] = (),
    device: str = "auto",
    out: str | Path | None = None,
    resume: bool = False,
) -> Job:
    """The job that :func:`adapt_case` carries out for the same arguments."""
    return Job(
        model=model,
        cases=(cases,) if isinstance(cases, Case) else tuple(cases),
        config=preset(method) if config is None else config,
        method=method,
        references=tuple(references),
        device=device,
        out=None if out is None else Path(out),
        resume=resume,
    )


def adapt_case(
    model: SourceModel,
    cases: Case | Sequence[Case],
    config: AdaptationConfig | None = None,
    *,
    method: str = "osuda",
    references: Sequence[npt.NDArray[Any] | None] = (),
    device: str = "auto",
    out: str | Path | None = None,
    resume: bool = False,
    on_event: Callable[[Event], None] | None = None,
) -> RunResult:
    """Adapt a source model to one or more cases of a target domain, from files to run folder.

    Parameters
    ----------
    model : SourceModel
        From :func:`napari_osuda.load_model`; it is left as it is.
    cases : Case or sequence of Case
        From :func:`napari_osuda.read_case`; several are one domain, adapted to together.
    config : AdaptationConfig, optional
        Settings; without, those of ``method``.
    method : str
        A name of :data:`napari_osuda.method.PRESETS`.
    references : sequence of integer array [I, J, K] or None
        Label volumes on the cases' grids, for scores before and after; never used to decide anything.
    device : {"auto", "cpu", "cuda", "mps"}
    out : path, optional
        An empty or new folder for the run; without, nothing is written.
    resume : bool
        Go on with the unfinished run in ``out``.
    on_event : callable, optional
        Called with each event of the run.

    Returns
    -------
    RunResult
        Masks in the cases' own voxels, scores, reports, and the adapted network.

    Raises
    ------
    OsudaError
        With a sentence on what is wrong.
    """
    job = make_job(
        model, cases, config, method=method, references=references, device=device, out=out, resume=resume
    )
    result: RunResult | None = None
    for event in Run(job):
        if on_event is not None:
            on_event(event)
        if isinstance(event, Finished):
            result = event.result
    assert result is not None
    if result.outcome == "failed":
        raise OsudaError(result.error or "The run failed.")
    return result


def predict_case(
    model: SourceModel,
    case: Case,
    *,
    device: str = "auto",
    precision: Precision = "auto",
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Labels:
    """The mask that a model gives a case, in the case's own voxels.

    Parameters
    ----------
    model : SourceModel
        From :func:`napari_osuda.load_model`.
    case : Case
        From :func:`napari_osuda.read_case`, with the model's channels.
    device : {"auto", "cpu", "cuda", "mps"}
    precision : {"auto", "float32", "bfloat16"}
        Of the network's arithmetic; a run predicts in that of its settings.
    on_progress : callable
        Called with the slices (of a volume: windows) done, and how many there are.

    Returns
    -------
    uint8 array [I, J, K]
        Values of ``model.card.labels``.

    Raises
    ------
    CaseError, ConfigError, ModelError
        With a sentence on what does not fit.
    """
    check_input(model, case)
    stack = SliceStack(case, slice_spec(model.card))
    network = placed(model.network, resolve_device(device), stack, precision)
    for part in predicted(network, stack, model.card):
        if isinstance(part, np.ndarray):
            return part
        on_progress(*part)
    raise AssertionError("a prediction ends with its mask")
