"""Both ways of handing a network another contrast than it knows, on one slice: for a person to choose."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from napari_osuda.imaging import IntensityMap, SliceStack
from napari_osuda.imaging.planes import codes_within
from napari_osuda.method import probabilities
from napari_osuda.method.computing.arithmetic import compute_in, output_of
from napari_osuda.models import decide
from napari_osuda.session.inference.case_slices import slice_spec
from napari_osuda.session.inference.devices import placed, resolve_device
from napari_osuda.session.job import Job, Labels
from napari_osuda.session.preflight import check_input
from napari_osuda.session.run.contrast import Maps, mean_distance, named_maps

Number = TypeVar("Number", np.float32, np.uint8)

__all__ = ["ContrastPreview", "contrast_previews"]


@dataclass(frozen=True, eq=False)
class ContrastPreview:
    """The source model on one slice of a case, its contrast left or changed.

    Attributes
    ----------
    contrast : {"off", "fitted", "inverted", "fluid_bright", "both_bright"}
        The value of ``AdaptationConfig.contrast`` that gives it.
    maps : tuple or None
        What each channel goes through.
    picture : float32 array [h, w]
        The slice as the network sees it, in the radiological view: front or top up, the patient's right (of
        a sagittal slice the front) on the left.
    labels : uint8 array [h, w]
        What the source model makes of it.
    distance : float or None
        Mean d_lc of eq. 5 between the network's statistics and those of a batch of the case.
    """

    contrast: str
    maps: Maps | None
    picture: npt.NDArray[np.float32]
    labels: Labels
    distance: float | None


def contrast_previews(job: Job, index: int | None = None) -> tuple[ContrastPreview, ContrastPreview]:
    """The first case of a job as it is, and with its contrast changed.

    Parameters
    ----------
    job : Job
        Of a network of slices. Its map is the one that the images' names ask for; without, bright and dark
        are exchanged.
    index : int, optional
        The slice, numbered as in the case's `SliceStack`; without, the middle one of those with brain.

    Raises
    ------
    OsudaError
        The model cannot be given the case, in a sentence.
    """
    check_input(job.model, job.cases[0])
    named = named_maps(job)
    inverted: IntensityMap = "inverted"
    maps: Maps = named or (inverted,) * len(job.model.card.channels)
    shown = next(k for k, how in enumerate(maps) if how != "identity")
    one = maps[0]
    changed = one if isinstance(one, str) and set(maps) == {one} else "fitted"
    return _preview(job, None, "off", index, shown), _preview(job, maps, changed, index, shown)


def _preview(job: Job, maps: Maps | None, contrast: str, index: int | None, shown: int) -> ContrastPreview:
    card = job.model.card
    stack = SliceStack(job.cases[0], dataclasses.replace(slice_spec(card), intensity_maps=maps))
    if index is None or not stack.foreground[index]:
        with_brain = np.flatnonzero(stack.foreground)
        index = int(with_brain[len(with_brain) // 2])
    device = resolve_device(job.device)
    network = placed(job.model.network, device, stack, job.config.precision)
    x = torch.from_numpy(stack.slices([index]))
    with torch.inference_mode():
        p = probabilities(output_of(network, x.to(device)), card.activation).float().cpu().numpy()
    codes = codes_within(card.plane, card.orientation)
    return ContrastPreview(
        contrast,
        maps,
        _as_seen(x[0, shown].numpy(), codes),
        _as_seen(decide(p, card)[0], codes),
        # As a run finds it when it chooses the contrast.
        mean_distance(job, compute_in(network, None), device, maps),
    )


def _as_seen(plane: npt.NDArray[Number], codes: list[str]) -> npt.NDArray[Number]:
    """A plane whose axes run to ``codes``, with front or top up and right or front on the left."""
    across = "AP" if not set(codes) & set("LR") else "LR"
    if codes[0] in across:
        plane, codes = plane.T, codes[::-1]
    return plane[:: -1 if codes[0] in "AS" else 1, :: -1 if codes[1] in "RA" else 1].copy()
