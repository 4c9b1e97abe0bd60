"""Whether a run can begin with what is chosen, and what should be known before it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_osuda.imaging import expected_map, modality_of
from napari_osuda.widgets.adapt import words
from napari_osuda.widgets.adapt.inputs.case_of_layers import (
    folders_of,
    gaps,
    grid_problem,
    resampled_layers,
    tilted,
    unplaced,
)

if TYPE_CHECKING:
    from napari_osuda.models import SourceModel

__all__ = ["Readiness", "readiness"]


@dataclass(frozen=True)
class Readiness:
    """What follows from the choice of model and images.

    Attributes
    ----------
    why_not : str
        Why no run can begin; "" where one can.
    remarks : tuple of str
        What should be known, and stops nothing.
    substituted : bool
        Whether another contrast stands in for one of the model's.
    doubtful : bool
        Whether the contrast of an image is not surely the model's, so that both ways of handing it over are
        worth comparing.
    """

    why_not: str = ""
    remarks: tuple[str, ...] = ()
    substituted: bool = False
    doubtful: bool = False


def readiness(
    model: SourceModel | None,
    layers: Mapping[str, Any],
    missing: Sequence[str],
    contrast: str,
    *,
    chosen_grid: bool = False,
) -> Readiness:
    """What follows from a choice.

    Parameters
    ----------
    model : SourceModel or None
        None while none is chosen.
    layers : mapping of channel name to napari Image layer
        Those that are chosen.
    missing : sequence of str
        Channels without a layer.
    contrast : str
        The setting of that name.
    chosen_grid : bool
        Whether a person has chosen in which image's voxels the mask comes back.
    """
    found = {channel: (modality_of(layer.name), modality_of(channel)) for channel, layer in layers.items()}
    others = {channel: own.upper() for channel, (own, wanted) in found.items() if own not in (None, wanted)}
    unsure = any(wanted is not None and own != wanted for own, wanted in found.values())
    if model is None:
        why_not = "choose a source model"
    elif missing:
        why_not = words.missing_words(missing)
    else:
        why_not = grid_problem(layers, chosen=chosen_grid)
    tilt = tilted(layers)
    named = any(expected_map(channel, layer.name) != "identity" for channel, layer in layers.items())
    wide = gaps(layers)
    remarks = (
        words.folders_words(folders_of(layers)),
        words.substitute_words(
            others, converted=named if contrast in ("fitted", "names") else contrast != "off"
        ),
        "" if tilt is None else words.tilt_words(*tilt),
        words.unplaced_words(unplaced(layers)),
        "" if wide is None else words.gap_words(*wide),
        words.resampled_words(*resampled_layers(layers)),
    )
    of_slices = model is not None and model.card.spatial_dims == 2
    return Readiness(
        why_not,
        tuple(remark for remark in remarks if remark),
        substituted=bool(others),
        doubtful=of_slices and not why_not and unsure,
    )
