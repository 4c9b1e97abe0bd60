"""The LGG segmentation data set (Buda et al., 2019) as it is published: a picture for each axial slice.

M. Buda, A. Saha, M. A. Mazurowski, Association of genomic subtypes of lower-grade gliomas with shape features
automatically extracted by a deep learning algorithm, Comput. Biol. Med. 109 (2019); images of TCGA-LGG. The
folder ``kaggle_3m`` holds ``TCGA_<site>_<patient>_<date>/`` with ``<folder>_<n>.tif`` (RGB: T1, FLAIR, T1
after contrast agent) and ``<folder>_<n>_mask.tif`` (the lesion as FLAIR shows it). Whole heads.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_osuda.benchmark.patients import Patient
from napari_osuda.errors import CaseError
from napari_osuda.imaging import Grid, case_from_arrays

__all__ = ["CONTRASTS", "SPACING_NOTE", "LggPatient", "LggScan", "find_lgg", "lgg_patient", "read_lgg"]

CONTRASTS = ("T1", "FLAIR", "T1 post")
"""What the three colors of a picture hold."""
SPACING_NOTE = "The pictures do not give voxel sizes; used are 256 mm a side and 5 mm between slices."
_SIDE_MM, _SLICE_MM = 256.0, 5.0
_FOLDER = re.compile(r"(TCGA_([A-Z0-9]{2})_[A-Z0-9]{4})_\d{8}")
# A contrast that a patient lacks is a copy of FLAIR; a slice or two are so by chance (all black).
_COPIED = 0.9


@dataclass(frozen=True)
class LggPatient:
    """Where a patient's slices are.

    Attributes
    ----------
    name : str
        Of the patient: ``TCGA_DU_5851``.
    site : str
        Of the institution: ``DU``.
    folder : Path
    slices : int
    """

    name: str
    site: str
    folder: Path
    slices: int


@dataclass(frozen=True, eq=False)
class LggScan:
    """What a patient's pictures hold.

    Attributes
    ----------
    images : mapping of contrast to uint8 array [I, J, K]
        Those that the patient has. Rows run from anterior to posterior, columns from the patient's right to
        left, slices upwards.
    lesion : uint8 array [I, J, K]
        1 in the lesion.
    grid : Grid
    """

    images: Mapping[str, NDArray[np.uint8]]
    lesion: NDArray[np.uint8]
    grid: Grid


def find_lgg(root: Path, tell: Callable[[str], None] = lambda text: None) -> tuple[LggPatient, ...]:
    """Find the patients of the data set in a folder, at any depth; each once, in the order of their names.

    Parameters
    ----------
    root : Path
        The archive unpacked, or its ``kaggle_3m``.
    tell : callable
        Told, in one line, which folders are left out since they hold no slice.

    Raises
    ------
    CaseError
        There is no such folder, or no patient in it.
    """
    if not root.is_dir():
        raise CaseError(f"There is no folder {root}: give that of the LGG segmentation data set, unpacked.")
    found: dict[str, LggPatient] = {}
    empty = []
    for top, _, names in sorted(os.walk(root)):
        folder = Path(top)
        named = _FOLDER.fullmatch(folder.name)
        if named is None or named[1] in found:  # the archive holds everything twice
            continue
        count = len(_numbers(folder.name, names))
        if count:
            found[named[1]] = LggPatient(named[1], named[2], folder, count)
        else:
            empty.append(folder.name)
    if not found:
        raise CaseError(
            f"There is no patient (a folder TCGA_<site>_<patient>_<date> of .tif slices) in {root}: give the "
            "LGG segmentation data set, unpacked."
        )
    if empty:
        tell(f"Left out, since they hold no slice: {', '.join(empty[:5])}{', ...' * (len(empty) > 5)}")
    return tuple(found[name] for name in sorted(found))


def _numbers(folder: str, names: list[str]) -> list[int]:
    """The numbers of the slices among the names of a folder's files."""
    known = (re.fullmatch(rf"{re.escape(folder)}_(\d+)\.tif", name) for name in names)
    return sorted(int(match[1]) for match in known if match)


def read_lgg(patient: LggPatient) -> LggScan:
    """Read a patient's slices.

    Raises
    ------
    CaseError
        A picture or its mask is missing, cannot be read, or is of another kind or size than the others.
    """
    folder = patient.folder
    numbers = _numbers(folder.name, [path.name for path in folder.iterdir()])
    colors, masks = [], []
    for number in numbers:
        stem = folder / f"{folder.name}_{number}"
        colors.append(_picture(stem.with_name(f"{stem.name}.tif"), 3))
        masks.append(_picture(stem.with_name(f"{stem.name}_mask.tif"), 2))
        if colors[-1].shape[:2] != colors[0].shape[:2] or masks[-1].shape != colors[0].shape[:2]:
            raise CaseError(f"{stem}.tif or its mask has another size than the first slice: is it whole?")
    image = np.stack(colors, axis=2)
    lesion = (np.stack(masks, axis=2) > 127).astype(np.uint8)
    rows, columns, slices = lesion.shape
    by = _SIDE_MM / max(rows, columns)
    affine = np.array(
        [
            [0, -by, 0, by * (columns - 1) / 2],
            [-by, 0, 0, by * (rows - 1) / 2],
            [0, 0, _SLICE_MM, -_SLICE_MM * (slices - 1) / 2],
            [0, 0, 0, 1],
        ]
    )
    flair = image[..., CONTRASTS.index("FLAIR")]
    copies = {c for k, c in enumerate(CONTRASTS) if c != "FLAIR" and _is_copy(image[..., k], flair)}
    images = {c: image[..., k] for k, c in enumerate(CONTRASTS) if c not in copies}
    return LggScan(images, lesion, Grid((rows, columns, slices), affine))


def _is_copy(image: NDArray[np.uint8], flair: NDArray[np.uint8]) -> bool:
    same = (image == flair).all(axis=(0, 1))
    return bool(same.mean() >= _COPIED)


def _picture(path: Path, axes: int) -> NDArray[np.uint8]:
    try:
        with warnings.catch_warnings():
            # What Pillow warns of, it fails on as well, or it does not concern the pixels.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=("TIFF",)) as picture:
                values = np.asarray(picture)
    except FileNotFoundError:
        raise CaseError(f"{path} is missing: unpack the data set again.") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise CaseError(f"{path} cannot be read as a picture ({error}): unpack the data set again.") from None
    if values.dtype != np.uint8 or values.shape[2:] != ((len(CONTRASTS),) if axes == 3 else ()):
        kind = "an RGB" if axes == 3 else "a gray"
        raise CaseError(f"{path} is not {kind} picture of 8 bits: is it the data set's?")
    return values


def lgg_patient(patient: LggPatient, images: Mapping[str, str]) -> Patient:
    """A patient as a target.

    Parameters
    ----------
    patient : LggPatient
    images : mapping of the model's channel to contrast
        What is handed to the model; the name of each image tells its true contrast.

    Raises
    ------
    CaseError
        A picture cannot be read, or the patient lacks a contrast.
    """
    scan = read_lgg(patient)
    lacking = [contrast for contrast in images.values() if contrast not in scan.images]
    if lacking:
        raise CaseError(f"{patient.name} has no {lacking[0]}: the pictures repeat FLAIR in its place.")
    case = case_from_arrays(patient.name, {ch: scan.images[c] for ch, c in images.items()}, scan.grid)
    titled = [replace(s, title=c) for s, c in zip(case.sources, images.values(), strict=True)]
    return Patient(patient.name, replace(case, sources=tuple(titled)), scan.lesion)
