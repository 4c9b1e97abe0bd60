"""The hippocampi of the Medical Segmentation Decathlon: reading its layout.

M. Antonelli et al., The Medical Segmentation Decathlon, Nat. Commun. 13 (2022), task 4: T1 crops around one
hippocampus, labels 1 anterior and 2 posterior. ``imagesTr/hippocampus_001.nii.gz`` and ``labelsTr/`` of the
same names, or ``images/`` and ``labels/``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_osuda.benchmark.patients import Patient
from napari_osuda.errors import CaseError
from napari_osuda.imaging import case_from_arrays, read_labels, read_volume, require_same_grid

__all__ = ["HippocampusCase", "find_hippocampi", "hippocampus_patient"]

_FOLDERS = (("imagesTr", "labelsTr"), ("images", "labels"))
_NAME = re.compile(r"(hippocampus_\d+)\.nii(?:\.gz)?")


@dataclass(frozen=True)
class HippocampusCase:
    """A hippocampus with its reference.

    Attributes
    ----------
    name : str
        ``hippocampus_001``.
    image, labels : Path
    """

    name: str
    image: Path
    labels: Path


def find_hippocampi(root: Path) -> tuple[HippocampusCase, ...]:
    """Find the images with a reference, in the order of their names.

    Parameters
    ----------
    root : Path
        ``Task04_Hippocampus``, or the folder that holds it.

    Raises
    ------
    CaseError
        There is no such folder, or no image with a reference in it.
    """
    if not root.is_dir():
        raise CaseError(f"There is no folder {root}: give that of Task04_Hippocampus, unpacked.")
    for base in (root, *sorted(path for path in root.iterdir() if path.is_dir())):
        for images, labels in _FOLDERS:
            if (base / images).is_dir() and (base / labels).is_dir():
                found = _pairs(base / images, base / labels)
                if found:
                    return found
    raise CaseError(
        f"There is no hippocampus with a reference in {root} (imagesTr/hippocampus_001.nii.gz and the same "
        "name in labelsTr): give Task04_Hippocampus of the Medical Segmentation Decathlon, unpacked."
    )


def _pairs(images: Path, labels: Path) -> tuple[HippocampusCase, ...]:
    # Names with a dot before them are what a Mac leaves beside the files; they do not match.
    named = ((_NAME.fullmatch(path.name), path) for path in sorted(images.iterdir()))
    return tuple(
        HippocampusCase(match[1], path, labels / path.name)
        for match, path in named
        if match and (labels / path.name).is_file()
    )


def hippocampus_patient(found: HippocampusCase, images: Mapping[str, str]) -> Patient:
    """A hippocampus as a target.

    Parameters
    ----------
    found : HippocampusCase
    images : mapping of the model's channel to contrast
        One channel; the image is a T1.

    Raises
    ------
    CaseError
        A file cannot be read, the two lie on different grids, or a label is unknown.
    """
    (channel,) = images
    volume = read_volume(found.image)
    labels, grid = read_labels(found.labels)
    require_same_grid(volume.grid, f"The case '{found.name}'", grid, f"its reference {found.labels}")
    strange = set(np.unique(labels).tolist()) - {0, 1, 2}
    if strange:
        raise CaseError(f"{found.labels} has the label {min(strange)}; the data set's are 0, 1 and 2.")
    case = case_from_arrays(found.name, {channel: volume.data}, volume.grid)
    case = replace(
        case, sources=tuple(replace(s, path=found.image, title=images[channel]) for s in case.sources)
    )
    return Patient(found.name, case, np.asarray(labels, np.uint8))
