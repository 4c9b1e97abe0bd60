"""Which intensity maps a run puts before the network: where the images are other contrasts than it knows."""

from __future__ import annotations

from napari_osuda.imaging import Case, IntensityMap, expected_map, modality_of
from napari_osuda.session.job import Job

__all__ = ["contrast_maps", "contrast_note"]


def contrast_maps(job: Job) -> tuple[IntensityMap, ...] | None:
    """For each channel the map that physics expects; None where none is needed, wanted or known.

    The names of the files tell the contrasts. A card that has maps already (of a model that was adapted
    before) is left as it is, and so are cases of which not all are of one kind.
    """
    if job.config.contrast == "off" or job.model.card.intensity_maps:
        return None
    found = {_of_case(case) for case in job.cases}
    maps = found.pop()
    return None if found or set(maps) == {"identity"} else maps


def _of_case(case: Case) -> tuple[IntensityMap, ...]:
    return tuple(
        expected_map(channel, "" if source.path is None else source.path.name)
        for channel, source in zip(case.channels, case.sources, strict=True)
    )


def contrast_note(job: Job, maps: tuple[IntensityMap, ...]) -> str:
    """What is done to the intensities, in a sentence."""
    words = {"turned": "bright and dark are exchanged", "fluid_bright": "free fluid is made bright"}
    parts = []
    for channel, source, how in zip(job.cases[0].channels, job.cases[0].sources, maps, strict=True):
        if how != "identity" and source.path is not None:
            seen = (modality_of(source.path.name) or "").upper()
            parts.append(f"{seen} stands in for {channel.upper()}, so {words[how]}")
    return f"{'; '.join(parts)} before the network sees it (contrast=off leaves it)."
