"""A run folder as napari layers: images, masks before and after, and the final mask with its decisions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.files import RUN_FILE, is_run_folder

__all__ = ["get_run_folder_reader", "read_run_folder"]

LayerData = tuple[NDArray[Any], dict[str, Any], str]


def get_run_folder_reader(
    path: str | Sequence[str],
) -> Callable[[str | Sequence[str]], list[LayerData]] | None:
    """Give the reader if the path is one run folder or its run.json, else None (npe2 reader contribution)."""
    paths = [path] if isinstance(path, str) else list(path)
    return read_run_folder if len(paths) == 1 and is_run_folder(_folder(paths[0])) else None


def _folder(path: str) -> Path:
    return Path(path).parent if Path(path).name == RUN_FILE else Path(path)


def read_run_folder(path: str | Sequence[str]) -> list[LayerData]:
    """Read the case of a run that was last under review, or its first; the review panel opens beside it.

    An image that is no longer where the run read it is left out, which the panel says.

    Raises
    ------
    CaseError
        The run cannot be read or has nothing to review.
    """
    from napari_osuda.evaluation import difference
    from napari_osuda.imaging.world import layer_arguments, to_shown
    from napari_osuda.napari_layers.images import image_layer
    from napari_osuda.napari_layers.masks import RESULT_KEY, RUN_KEY, label_appearance
    from napari_osuda.napari_layers.names import layer_name
    from napari_osuda.napari_layers.orientation import show_patient_soon
    from napari_osuda.session.report.content import shown_first
    from napari_osuda.session.review.run import ReviewRun

    folder = _folder(path if isinstance(path, str) else path[0])
    run = ReviewRun.of_folder(folder)
    name = run.record.last_case or run.names[0]
    review = run.review(name)
    case = review.case
    images, _ = run.images(name)
    layers: list[LayerData] = []
    first = shown_first([image.title for image in images])
    mark = {RUN_KEY: {"folder": str(folder), "case": name}}
    for index, image in enumerate(images):
        data, arguments, kind = image_layer(image.data, image.title, case.grid, image.path)
        arguments["metadata"] |= mark
        layers.append((data, {**arguments, "visible": index == first}, kind))
    masks = {
        "after": case.after, "before": case.before,
        "difference": difference(case.before, case.after), "final": review.final,
    }  # fmt: skip
    for role, mask in masks.items():
        shown = {"name": layer_name(role, name, case.removed), "visible": role == "final"}
        arguments = {**shown, **layer_arguments(case.grid)}
        arguments |= label_appearance(role, run.labels, run.colors)
        arguments["metadata"] |= {RESULT_KEY: role, **mark}
        layers.append((np.ascontiguousarray(to_shown(mask, case.grid)), arguments, "labels"))
    show_patient_soon()
    _open_review()
    return layers


def _open_review() -> None:
    """Open the review panel once the layers are there, if there is a window to open it in."""
    import napari

    viewer = napari.current_viewer()
    # Who reads on a thread, which has no timers, opens it as well.
    if viewer is None or threading.current_thread() is not threading.main_thread():
        return
    from napari_osuda.napari_layers.panels import open_panel
    from napari_osuda.napari_layers.soon import soon_in

    soon_in(viewer, lambda: open_panel(viewer, "OSUDA: Review"))
