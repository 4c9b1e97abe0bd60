"""One adaptation from files to run folder; it knows nothing of windows."""

from napari_osuda.session.api import adapt_case
from napari_osuda.session.controller import Controller, State
from napari_osuda.session.devices import DEVICES, available_devices, resolve_device
from napari_osuda.session.events import After, Before, Event, Finished, Note, Progress, Started, Step
from napari_osuda.session.job import CaseResult, Job, Recommendation, RunResult, slice_spec
from napari_osuda.session.prediction import predict_case
from napari_osuda.session.run import Run
from napari_osuda.session.unfinished import Unfinished, find_unfinished

__all__ = [
    "DEVICES",
    "After",
    "Before",
    "CaseResult",
    "Controller",
    "Event",
    "Finished",
    "Job",
    "Note",
    "Progress",
    "Recommendation",
    "Run",
    "RunResult",
    "Started",
    "State",
    "Step",
    "Unfinished",
    "adapt_case",
    "available_devices",
    "find_unfinished",
    "predict_case",
    "resolve_device",
    "slice_spec",
]
