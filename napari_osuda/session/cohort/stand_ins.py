"""Which patients have another contrast than the model knows, before any of them is begun."""

from __future__ import annotations

from collections.abc import Sequence

from napari_osuda.errors import CaseError
from napari_osuda.imaging import image_for, name_with_contrast, substituted, title_of
from napari_osuda.session.cohort.plan import CohortJob

__all__ = ["stand_ins"]

# Of DICOM each folder takes a while to be looked through.
_MOST_PATIENTS = 20


def stand_ins(jobs: Sequence[CohortJob], channels: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The contrasts that stand in for that of a model's channel, each with patients of whom it is so.

    Parameters
    ----------
    jobs : sequence of CohortJob
        The first twenty are looked at.
    channels : sequence of str
        Of the model. One of several channels takes no other contrasts.

    Returns
    -------
    dict of str to tuple of str
        Contrast to names of jobs.
    """
    found: dict[str, tuple[str, ...]] = {}
    if len(channels) != 1:
        return found
    for job in jobs[:_MOST_PATIENTS]:
        try:
            images = [image_for(session.folder, channels[0]) for session in job.sessions]
        except CaseError:
            # What is wrong with it is told when its turn comes.
            continue
        names = [name_with_contrast(title_of(path), path.name) for path in images]
        for contrast in {other for name in names for other in substituted([(channels[0], name)]).values()}:
            found[contrast] = (*found.get(contrast, ()), job.name)
    return found
