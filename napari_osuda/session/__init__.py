"""One adaptation from files to run folder; it knows nothing of windows."""

from napari_osuda.session.api import adapt_case, predict_case
from napari_osuda.session.controller import Controller, RunState
from napari_osuda.session.events import After, Before, Event, Finished, Note, Progress, Started, Step
from napari_osuda.session.inference.case_slices import slice_spec
from napari_osuda.session.inference.devices import DEVICES, available_devices, resolve_device
from napari_osuda.session.job import CaseResult, IterationReason, Job, Recommendation, RunResult
from napari_osuda.session.notes import NoteKind
from napari_osuda.session.preview.contrast import ContrastPreview, contrast_previews
from napari_osuda.session.preview.slices import Preview, Previewer, can_preview
from napari_osuda.session.run.from_iteration import RunFromIteration
from napari_osuda.session.run.run import Run
from napari_osuda.session.run_folder.timeline import NetworkState, Timeline
from napari_osuda.session.run_folder.unfinished import Unfinished, find_unfinished

__all__ = [
    "DEVICES",
    "After",
    "Before",
    "CaseResult",
    "ContrastPreview",
    "Controller",
    "Event",
    "Finished",
    "IterationReason",
    "Job",
    "NetworkState",
    "Note",
    "NoteKind",
    "Preview",
    "Previewer",
    "Progress",
    "Recommendation",
    "Run",
    "RunFromIteration",
    "RunResult",
    "RunState",
    "Started",
    "Step",
    "Timeline",
    "Unfinished",
    "adapt_case",
    "available_devices",
    "can_preview",
    "contrast_previews",
    "find_unfinished",
    "predict_case",
    "resolve_device",
    "slice_spec",
]
