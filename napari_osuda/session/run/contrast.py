"""Which intensity maps a run puts before the network: where the images are other contrasts than it knows."""

from __future__ import annotations

import torch
from torch import nn

from napari_osuda.imaging import Case, IntensityMap, Knots, modality_of
from napari_osuda.method import source_distance
from napari_osuda.session.job import Contrast, Job
from napari_osuda.session.notes import Note
from napari_osuda.session.run import wording
from napari_osuda.session.run.curve import searched_curves
from napari_osuda.session.run.expected import expected_between
from napari_osuda.session.run.recognition import expected_gain, is_useless, maps_to_try, recognized_map
from napari_osuda.session.run.target import target_of

__all__ = ["Maps", "choose_maps", "contrast_status", "mean_distance", "named_maps"]

Maps = tuple[IntensityMap, ...]

# Mean d_lc with the map over mean d_lc of the image as it is. On simulated validation patients the right map
# gives 0.1 to 0.3, and a wrong one 10. On real MRI right ones gave 0.7 to 3.5, and wrong ones 1.4 to 3.2. So
# above the first value the mask is asked, and above the second nothing is mapped where it cannot be asked.
_DOUBTED, _SURE = 1.5, 2.0
# Loss of expected Dice by the map. Wrong ones lost 0.19 to 0.48, right ones 0.14 or less (docs/defaults.md).
_LOST = 0.17


def choose_maps(job: Job, network: nn.Module, device: torch.device) -> tuple[Maps | None, Note | None]:
    """For each channel the map that a run puts before the network, and what to tell about it.

    The names of the images tell the contrasts, and physics the map (``contrast=names``). Whether the image is
    what its name says shows in how well the network's own statistics are met (mean d_lc, eq. 5), and in the
    mask: where both speak against the name, nothing is mapped. A card that has maps already (of a model that
    was adapted before) is left as it is, and so are cases of different kinds: one network sees them all.

    Parameters
    ----------
    job : Job
    network : nn.Module
        The source network, on ``device``; not changed.
    device : torch.device

    Returns
    -------
    maps : tuple or None
        None where no channel is mapped.
    note : Note or None
        What there is to tell of it.
    """
    asked = job.config.contrast
    if asked == "off" or job.model.card.intensity_maps:
        return None, None
    if asked != "names" and asked != "fitted":
        return (asked,) * len(job.model.card.channels), wording.contrast_as_set(asked)
    named = named_maps(job)
    if named is not None:
        maps, note = _confirmed(job, network, device, named)
        curves = tuple(how for how in maps or () if isinstance(how, Knots))
        if asked == "fitted" and maps is not None and len(curves) == len(maps):
            maps = searched_curves(job, network, device, curves)
        return maps, note
    mixed = _mixed(job)
    if mixed:
        return None, wording.contrast_mixed(mixed)
    if asked == "fitted":
        tried = maps_to_try(job) if _tells_nothing(job) else ()
        if not tried and _fits_inverted(job, network, device) and is_useless(job, network):
            tried = ("inverted",)
        how = recognized_map(job, network, tried)
        if how is not None:
            return (how,), wording.contrast_recognized(job.cases[0].channels[0], how)
    return None, _unnamed(job, network, device)


def named_maps(job: Job) -> Maps | None:
    """The maps that the images' names ask for; None where they ask for none, or not all for the same."""
    found = {_of_case(case) for case in job.cases}
    maps = found.pop()
    return None if found or set(maps) == {"identity"} else maps


def contrast_status(job: Job, maps: Maps | None) -> tuple[Contrast | None, ...]:
    """What became of each case's contrast where its name says that it stands in for the model's.

    Parameters
    ----------
    job : Job
    maps : tuple or None
        Those that the run put before the network.

    Returns
    -------
    tuple of {"converted", "unchanged", None}
        None where the contrast is the model's, by its name or by its statistics.
    """
    converted: Contrast = "converted"
    if maps is not None:
        return (converted,) * len(job.cases)
    asked = [_asks(case) for case in job.cases]
    # Where all names ask for the same and nothing was done, the statistics spoke against them.
    left = not job.model.card.intensity_maps and (job.config.contrast == "off" or _mixed(job))
    return tuple("unchanged" if left and asks else None for asks in asked)


def _asks(case: Case) -> bool:
    return set(_of_case(case)) != {"identity"}


def _mixed(job: Job) -> tuple[str, ...]:
    """A case of each kind, where the cases' names ask for different maps; else none."""
    by_maps = {_of_case(case): case.name for case in job.cases}
    return tuple(by_maps.values()) if len(by_maps) > 1 else ()


def mean_distance(job: Job, network: nn.Module, device: torch.device, maps: Maps | None) -> float | None:
    """Mean d_lc (eq. 5) between the network's statistics and those of a batch of the target.

    Parameters
    ----------
    job : Job
    network : nn.Module
        In eval mode, on ``device``; not changed.
    device : torch.device
    maps : tuple or None
        Put before the network.

    Returns
    -------
    float or None
        None where the network has no such statistics.
    """
    d = source_distance(network, next(iter(target_of(job, maps))).to(device))
    return None if d is None else float(d.mean())


def _confirmed(job: Job, network: nn.Module, device: torch.device, maps: Maps) -> tuple[Maps | None, Note]:
    """The maps that the names ask for, unless the statistics and the masks both speak against them."""
    plain, mapped = (mean_distance(job, network, device, m) for m in (None, maps))
    channels = _channels(job, maps)
    if plain is None or mapped is None or mapped <= _DOUBTED * plain:
        return maps, wording.contrast_converted(channels)
    gain = expected_gain(job, network, maps)
    if gain is not None and gain < -_LOST:
        return None, wording.contrast_worse(channels, -gain)
    if gain is None and mapped > _SURE * plain:
        return None, wording.contrast_contradicted(channels, plain, mapped)
    return maps, wording.contrast_converted(channels)


def _tells_nothing(job: Job) -> bool:
    """Whether no image of a network of one channel has a name that tells its contrast."""
    return all(len(c.channels) == 1 and modality_of(c.sources[0].name) is None for c in job.cases)


def _fits_inverted(job: Job, network: nn.Module, device: torch.device) -> bool:
    """Whether the statistics are met better with bright and dark exchanged: a reason to look closer.

    Chosen on patients for tuning, where it is true of all inverted images, and of a few that are not.
    """
    if len(job.model.card.channels) != 1 or modality_of(job.model.card.channels[0]) is None:
        return False
    plain, mapped = (mean_distance(job, network, device, m) for m in (None, ("inverted",)))
    return plain is not None and mapped is not None and mapped < plain


def _unnamed(job: Job, network: nn.Module, device: torch.device) -> Note | None:
    """A note where no name tells the contrast, and the image looks inverted; nothing is changed for it."""
    channels = job.cases[0].channels
    name = job.cases[0].sources[0].name
    if len(channels) != 1 or not name or modality_of(name) or modality_of(channels[0]) is None:
        return None
    plain, mapped = (mean_distance(job, network, device, m) for m in (None, ("inverted",)))
    if plain is None or mapped is None or plain <= _SURE * mapped:
        return None
    return wording.contrast_unnamed(name, channels[0], plain, mapped)


def _of_case(case: Case) -> Maps:
    return tuple(
        expected_between(c, source.name) for c, source in zip(case.channels, case.sources, strict=True)
    )


def _channels(job: Job, maps: Maps) -> list[tuple[str, str, IntensityMap]]:
    """Channel, contrast that its image's name says, and map."""
    first = job.cases[0]
    return [
        (channel, (modality_of(source.name) or "").upper(), how)
        for channel, source, how in zip(first.channels, first.sources, maps, strict=True)
    ]
