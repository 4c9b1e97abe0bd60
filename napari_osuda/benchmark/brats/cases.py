"""The cases of a BraTS release: where they are, their grades, their references, and the split by patient."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_osuda.benchmark.patients import Patient
from napari_osuda.benchmark.protocols import Protocol
from napari_osuda.errors import CaseError
from napari_osuda.imaging import onto_grid, read_case, read_labels

__all__ = ["BratsCase", "Split", "find_brats", "read_patient", "split_patients"]

# Of 2020 one is called W39_1998.09.19_Segm.nii.
_REFERENCE = re.compile(r"segm?\.nii(\.gz)?$", re.IGNORECASE)
# From 2023 on. The last number is the visit, which BraTS-GoAT (2024) does not have.
_NAME = re.compile(r"(BraTS-([A-Z]+)-\d+)(?:-(\d+))?", re.IGNORECASE)
# BraTS-PEDs2024_Training, ASNR-MICCAI-BraTS2023-PED-Challenge-TrainingData.
_PEDIATRIC = re.compile(r"(?=(?:.*[^A-Z])?PEDs?(?![A-Z]))(?:.*\D)?(20\d\d)(?!\d)", re.IGNORECASE)
_OF_2023 = {0: 0, 1: 1, 2: 2, 3: 4}
# By scheme of labels, what each label value is in the codes up to 2021.
_CODES = {
    "2021": {0: 0, 1: 1, 2: 2, 4: 4},
    "2023": _OF_2023,
    # 4 is the resection cavity, which is no tumor (gliomas of 2024, metastases of 2025).
    "treated": _OF_2023 | {4: 0},
    # Enhancing, non-enhancing, cyst, edema: A. Fathi Kazerooni et al., arXiv:2404.15009. The tumor core of
    # that challenge is the first three, so that a cyst is core here too.
    "pediatric": {0: 0, 1: 4, 2: 1, 3: 1, 4: 2},
}


@dataclass(frozen=True)
class BratsCase:
    """A case of a BraTS release.

    Attributes
    ----------
    name : str
    patient : str
        Whom it is of: one patient may have been scanned several times (2023 and later).
    folder, labels : Path
    grade : {"high", "low"} or None
        None where the release does not tell (2021 and later).
    label_scheme : {"2021", "2023", "treated", "pediatric"} or None
        What the label values stand for: up to 2021, from 2023 on, the same with resection cavities, and of
        the pediatric releases from 2024 on. None where the release cannot be told.
    """

    name: str
    patient: str
    folder: Path
    labels: Path
    grade: str | None
    label_scheme: str | None


@dataclass(frozen=True)
class Split:
    """Patients to train the source model on, and to adapt to and test on; no patient in both."""

    training: tuple[BratsCase, ...]
    testing: tuple[BratsCase, ...]


def find_brats(root: Path, tell: Callable[[str], None] = lambda text: None) -> tuple[BratsCase, ...]:
    """Find the cases with a reference in a BraTS folder, whatever the year of its layout.

    Known are the layouts of 2018 and 2019 (``HGG`` and ``LGG``), 2020 (``name_mapping.csv`` with the grades),
    2021, and those from 2023 on (``BraTS-GLI-00000-000-t1c.nii.gz``, ``BraTS-GoAT-00000-t1c.nii.gz``).

    Parameters
    ----------
    root : Path
    tell : callable
        Told, in one line, which folders are left out since they have no reference.

    Raises
    ------
    CaseError
        There is no such folder, or no case in it.
    """
    if not root.is_dir():
        raise CaseError(f"There is no folder {root}: give that of a BraTS release, unpacked.")
    grades = _grades(root)
    cases = []
    references, without = _references(root)
    for path in references:
        name = path.parent.name
        # The files keep their names where the folder has been given another.
        after = _NAME.fullmatch(name) or _NAME.match(path.name)
        above = path.parent.parent.name.upper()
        grade = {"HGG": "high", "LGG": "low"}.get(above) or grades.get(name)
        label_scheme = _label_scheme(path, after)
        cases.append(BratsCase(name, after[1] if after else name, path.parent, path, grade, label_scheme))
    if not cases:
        raise CaseError(
            f"There is no case with a reference (a file ending in seg.nii.gz) in {root}: give the training "
            "data of a BraTS release, unpacked."
        )
    if without:
        have = "folder has" if len(without) == 1 else "folders have"
        more = f" and {len(without) - 5} more" if len(without) > 5 else ""
        tell(
            f"{len(without)} {have} no reference (a file ending in seg.nii.gz) and "
            f"{'is' if len(without) == 1 else 'are'} left out: {', '.join(without[:5])}{more}"
        )
    return tuple(cases)


def _references(root: Path) -> tuple[list[Path], list[str]]:
    """The reference of each case, and the names of the patients' folders that have none."""
    found, without = [], []
    for folder, below, names in sorted((Path(top), below, names) for top, below, names in os.walk(root)):
        # Names with a dot before them are what a Mac leaves beside the files on a foreign disk.
        volumes = [n for n in names if n.lower().endswith((".nii", ".nii.gz")) and not n.startswith(".")]
        references = [n for n in volumes if _REFERENCE.search(n)]
        if references:
            found.append(folder / _own(folder, references))
        elif volumes or (not below and folder.name.lower().startswith("brats")):
            without.append(folder.name)
    return found, without


def _label_scheme(reference: Path, name: re.Match[str] | None) -> str | None:
    """What the values of a reference stand for, by its own name and those of the folders above it."""
    if name is None:
        return "2023" if re.search(r"-seg\.nii", reference.name, re.IGNORECASE) else "2021"
    cohort, visit = name[2].upper(), name[3]
    if cohort == "PED":
        # Cases are named alike in all years, and many of 2024 have no label that 2023 does not have.
        above = (_PEDIATRIC.match(folder.name) for folder in reference.absolute().parents[1:])
        year = next((int(found[1]) for found in above if found), None)
        return None if year is None else "pediatric" if year >= 2024 else "2023"
    # Visits of treated gliomas count from 100, those before treatment from 0.
    treated = cohort == "MET" or (cohort == "GLI" and visit is not None and int(visit) >= 100)
    return "treated" if treated else "2023"


def _own(folder: Path, names: Iterable[str]) -> str:
    """Of the references in a folder (2020's odd one and a copy with the usual name) the one to read."""
    return min(names, key=lambda name: (not name.startswith(folder.name), name))


def _grades(root: Path) -> dict[str, str]:
    """Grades by case, of the table that the release of 2020 comes with."""
    grades: dict[str, str] = {}
    for table in sorted(root.rglob("name_mapping*.csv")):
        with open(table, newline="", encoding="utf-8-sig") as stream:
            for row in csv.DictReader(stream):
                grade = {"HGG": "high", "LGG": "low"}.get((row.get("Grade") or "").strip().upper())
                name = next((v for k, v in row.items() if k and k.startswith("BraTS_2020") and v), None)
                if grade and name:
                    grades[name] = grade
    return grades


def split_patients(cases: Sequence[BratsCase], seed: int, share: float = 0.8) -> Split:
    """Split by patient at random: ``share`` of them to train on, at least one on each side.

    Raises
    ------
    CaseError
        There are fewer than two patients.
    """
    patients = sorted({case.patient for case in cases})
    if len(patients) < 2:
        raise CaseError(f"{len(patients)} BraTS patient cannot be split into training and test.")
    np.random.default_rng(seed).shuffle(patients)
    count = min(max(round(share * len(patients)), 1), len(patients) - 1)
    chosen = set(patients[:count])
    return Split(
        tuple(case for case in cases if case.patient in chosen),
        tuple(case for case in cases if case.patient not in chosen),
    )


def read_patient(case: BratsCase, protocol: Protocol) -> Patient:
    """Read what a protocol hands its model of a case, with the reference in the codes of the model.

    Raises
    ------
    CaseError
        A contrast is missing, a file cannot be read, or the labels are none of BraTS's or cannot be told.
    """
    contrasts = tuple(protocol.images.values())
    read = read_case(case.folder, contrasts, name=case.name)
    labels, grid = read_labels(case.labels)
    labels = onto_grid(labels, grid, f"its reference {case.labels}", read.grid, f"The case '{case.name}'")
    reference = _codes(labels, case)
    if protocol.whole_tumor:
        reference = (reference > 0).astype(np.uint8)
    # The model is handed one contrast under the name of another: that is the shift.
    return Patient(case.name, replace(read, channels=tuple(protocol.images)), reference)


def _codes(labels: NDArray[np.generic], case: BratsCase) -> NDArray[np.uint8]:
    """Labels of any year in the codes up to 2021."""
    if case.label_scheme is None:
        raise CaseError(
            f"{case.labels} has pediatric labels, whose meaning changed after 2023, and no folder "
            "above it says the year. Give the release's folder a name that does, say BraTS-PEDs2024."
        )
    known = _CODES[case.label_scheme]
    strange = set(np.unique(labels).tolist()) - set(known)
    if strange:
        raise CaseError(
            f"{case.labels} has the label {min(strange)}, which BraTS does not use there "
            f"({', '.join(map(str, known))}): is it the reference?"
        )
    table = np.zeros(5, np.uint8)
    table[list(known)] = list(known.values())
    return table[np.asarray(labels, np.intp)]
