"""Evaluate a mask against a reference: Dice, HD95 and volumes of two Labels layers."""

import math
from typing import Any

import numpy as np
from magicgui import magic_factory
from magicgui.widgets import ComboBox, FunctionGui
from napari.layers import Labels

from napari_osuda.errors import CaseError
from napari_osuda.evaluation import RegionScore, evaluate
from napari_osuda.imaging import onto_grid
from napari_osuda.napari_layers.masks import RESULT_KEY
from napari_osuda.napari_layers.writer import label_names, labels_on_grid
from napari_osuda.widgets.tasks.answer import Work, answers, taken

__all__ = ["evaluate_layers"]

_TITLES = "Region\tDice\tHD95 (mm)\tMask (ml)\tReference (ml)"


def _of_two(form: FunctionGui[Any, Work]) -> None:
    """Never offer the mask itself as its reference."""
    answers(form)
    mask, reference = form["mask"], form["reference"]
    assert isinstance(mask, ComboBox)
    assert isinstance(reference, ComboBox)

    def others(_: object) -> list[Labels]:
        # Ours come last: a mask of a network is no reference.
        found = [layer for layer in mask.choices if isinstance(layer, Labels) and layer is not mask.value]
        return sorted(found, key=lambda layer: RESULT_KEY in layer.metadata)

    reference.choices = others
    mask.changed.connect(reference.reset_choices)


@magic_factory(
    widget_init=_of_two,
    call_button="Evaluate",
    mask={"label": "Mask", "tooltip": "The Labels layer that is scored"},
    reference={"label": "Reference", "tooltip": "A Labels layer made by people, on the same voxels"},
)
def evaluate_layers(mask: Labels, reference: Labels) -> Work:
    """Dice, HD95 and volumes of two Labels layers, for each label and for all together.

    Parameters
    ----------
    mask, reference : Labels
        On the same voxels.

    Returns
    -------
    callable
        Gives the scores as a table of tab-separated lines; raises CaseError with a sentence where there is
        nothing to compare.
    """
    # A form without a layer to choose hands over none, whatever its types say.
    chosen: tuple[Labels | None, ...] = (mask, reference)
    if None in chosen:
        return _too_few
    if mask is reference:
        return _same_layer
    first, other = taken(mask), taken(reference)

    def work() -> str:
        target, target_grid = labels_on_grid(*other)
        found, grid = labels_on_grid(*first)
        found = onto_grid(found, grid, first[1]["name"], target_grid, other[1]["name"])
        values = [int(value) for value in np.union1d(found, target) if value != 0]
        if not values:
            raise CaseError("Both masks are empty: there is nothing to compare.")
        names = label_names(other[1]) | label_names(first[1])
        regions: dict[str, tuple[int, ...]] = {
            f"{names.get(value, 'label')} ({value})": (value,) for value in values
        }
        if len(values) > 1:
            regions["All labels"] = tuple(values)
        scores = evaluate(found, target, target_grid.affine, regions)
        return "\n".join([_TITLES, *map(_line, scores)])

    return work


def _too_few() -> str:
    raise CaseError("There must be two Labels layers: a mask, and a reference made by people.")


def _same_layer() -> str:
    raise CaseError("Mask and reference are the same layer. Choose two.")


def _line(score: RegionScore) -> str:
    distance = f"{score.hd95:.2f}" if math.isfinite(score.hd95) else "none: one is empty"
    volumes = f"{score.prediction_ml:.2f}\t{score.reference_ml:.2f}"
    return f"{score.region}\t{score.dice:.3f}\t{distance}\t{volumes}"
