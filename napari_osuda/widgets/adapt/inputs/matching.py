"""Which image is which channel of a model, as far as names tell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_osuda.errors import CaseError
from napari_osuda.imaging import likest, match_channels, modality_of
from napari_osuda.imaging.dicom import is_dicom
from napari_osuda.imaging.modalities import says_contrast_alone
from napari_osuda.imaging.naming import patient_of_image
from napari_osuda.imaging.volumes import without_suffix
from napari_osuda.widgets.adapt.inputs.case_of_layers import path_of

__all__ = ["guess", "missing_channels", "newest_patient", "patient_folder"]


def guess(images: Sequence[Any], channels: Sequence[str]) -> dict[str, Any]:
    """For each channel the layer whose name fits it, and where several do, the one that was opened last.

    All of one patient: of the one whose image was opened last. Channel by channel, since one that is missing
    must not spoil the others. The single channel of a model gets another contrast where its own is missing:
    the most alike.

    Parameters
    ----------
    images : sequence of layers
        The newest last.
    channels : sequence of str
        Of a model.
    """
    own = _of_one_patient(images, channels)
    found = {}
    for channel in channels:
        fitting = [layer for layer in own if _fits(layer.name, channel)]
        if fitting:
            found[channel] = fitting[-1]
    if len(channels) == 1 and not found and own:
        found[channels[0]] = min(reversed(own), key=lambda layer: _unlike(layer.name, channels[0]))
    return found


def newest_patient(images: Sequence[Any]) -> Path | None:
    """Whose image was opened last, by its folder; None where no image says."""
    return next((folder for folder in map(patient_folder, reversed(images)) if folder is not None), None)


def patient_folder(layer: Any) -> Path | None:
    """The folder of the patient whose image a layer is; None where it has no file, or one of DICOM.

    DICOM series of one patient lie anywhere, and say themselves whose they are.
    """
    path = path_of(layer)
    if path is None or is_dicom(path):
        return None
    folder = path.absolute().parent
    # One folder for each contrast, in that of the patient.
    while (folder.name == "anat" or says_contrast_alone(folder.name)) and folder != folder.parent:
        folder = folder.parent
    return folder


def _of_one_patient(images: Sequence[Any], channels: Sequence[str]) -> list[Any]:
    """The images of the patient whose was opened last; those that do not say whose they are belong to all."""
    folder = newest_patient(images)
    own = [layer for layer in images if patient_folder(layer) in (folder, None)]
    if not any(sum(_fits(layer.name, channel) for layer in own) > 1 for channel in channels):
        return own
    # Perhaps all patients lie in one folder: then files are called by patient and contrast.
    names = [(layer, _name_before_contrast(layer)) for layer in own]
    newest = next((name for _, name in reversed(names) if name), "")
    return [layer for layer, name in names if name in (newest, "")]


def _name_before_contrast(layer: Any) -> str:
    """What a file's name says before the contrast; "" where that is nothing, or there is no file."""
    path = path_of(layer)
    if path is None or is_dicom(path):
        return ""
    stem = without_suffix(path.name)
    patient = patient_of_image(path)
    return patient if patient != stem and stem.startswith(patient) else ""


def missing_channels(channels: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """The channels for which there is no image; none for a single channel, which takes any contrast."""
    if len(channels) == 1 and names:
        return ()
    return tuple(channel for channel in channels if not any(_fits(name, channel) for name in names))


def _fits(name: str, channel: str) -> bool:
    try:
        match_channels([name], [channel])
    except CaseError:
        return False
    return True


def _unlike(name: str, channel: str) -> int:
    """How far a contrast is from the one that is wanted."""
    found, others = modality_of(name), likest(channel)
    return others.index(found) if found in others else len(others)
