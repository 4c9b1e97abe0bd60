"""The paper's tables on a real BraTS folder: its cases, the split by patient, and the source models."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.benchmark.bench import Series
from napari_osuda.benchmark.patients import Patient, class_shares
from napari_osuda.benchmark.protocols import TABLE_1, TABLE_2, Protocol
from napari_osuda.benchmark.training import Recipe, TrainingSlices, train_source, training_slices
from napari_osuda.errors import CaseError, ConfigError, OutputError
from napari_osuda.files import written_whole
from napari_osuda.imaging import read_case, read_labels, require_same_grid
from napari_osuda.models import ModelCard, SourceModel, load_model, write_model_folder
from napari_osuda.session import slice_spec
from napari_osuda.session.preflight import explain

__all__ = [
    "BRATS_RECIPE",
    "BratsCase",
    "Split",
    "brats_series",
    "find_brats",
    "read_patient",
    "split_patients",
]

BRATS_RECIPE = Recipe(features=(16, 32, 64, 128, 128))
"""How source models are trained on BraTS: the U-Net wider than the samples', which have to be small."""
# Of 2020 one is called W39_1998.09.19_Segm.nii.
_REFERENCE = re.compile(r"segm?\.nii(\.gz)?$", re.IGNORECASE)
# From 2023 on the files are called ...-seg and enhancing tumour is 3; in 2024, 4 is a resection cavity.
_OF_2023 = {0: 0, 1: 1, 2: 2, 3: 4, 4: 0}


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
    from_2023 : bool
        Whether the labels are those of 2023 and later.
    """

    name: str
    patient: str
    folder: Path
    labels: Path
    grade: str | None
    from_2023: bool


@dataclass(frozen=True)
class Split:
    """Patients to train the source model on, and to adapt to and test on; no patient in both."""

    training: tuple[BratsCase, ...]
    testing: tuple[BratsCase, ...]


def find_brats(root: Path, tell: Callable[[str], None] = lambda text: None) -> tuple[BratsCase, ...]:
    """Find the cases with a reference in a BraTS folder, whatever the year of its layout.

    Known are the layouts of 2018 and 2019 (``HGG`` and ``LGG``), 2020 (``name_mapping.csv`` with the grades),
    2021, and of 2023 and 2024 (``BraTS-GLI-00000-000-t1c.nii.gz``).

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
        after = re.fullmatch(r"(BraTS-[A-Za-z]+-\d+)-\d+", name)
        above = path.parent.parent.name.upper()
        grade = {"HGG": "high", "LGG": "low"}.get(above) or grades.get(name)
        cases.append(BratsCase(name, after[1] if after else name, path.parent, path, grade, bool(after)))
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
        A contrast is missing, a file cannot be read, or the labels are none of BraTS's.
    """
    contrasts = tuple(protocol.images.values())
    read = read_case(case.folder, contrasts, name=case.name)
    labels, grid = read_labels(case.labels)
    require_same_grid(read.grid, f"The case '{case.name}'", grid, f"its reference {case.labels}")
    reference = _codes(labels, case)
    if protocol.whole_tumour:
        reference = (reference > 0).astype(np.uint8)
    # The model is handed one contrast under the name of another: that is the shift.
    return Patient(case.name, replace(read, channels=tuple(protocol.images)), reference)


def _codes(labels: NDArray[np.generic], case: BratsCase) -> NDArray[np.uint8]:
    """Labels of any year in the codes up to 2021."""
    known = _OF_2023 if case.from_2023 else {0: 0, 1: 1, 2: 2, 4: 4}
    strange = set(np.unique(labels).tolist()) - set(known)
    if strange:
        raise CaseError(
            f"{case.labels} has the label {min(strange)}, which BraTS does not use there "
            f"({', '.join(map(str, known))}): is it the reference?"
        )
    table = np.zeros(5, np.uint8)
    table[list(known)] = list(known.values())
    return table[np.asarray(labels, np.intp)]


def brats_series(
    root: Path,
    out: Path,
    protocols: Sequence[Protocol] = (*TABLE_1, *TABLE_2),
    seed: int = 0,
    recipe: Recipe | None = None,
    every: int = 2,
    tell: Callable[[str], None] = lambda text: None,
) -> list[Series]:
    """The paper's protocols on a BraTS folder.

    Table 1 trains on all high-grade patients and tests on all low-grade ones. Table 2 trains on 80 % of the
    patients (all grades) and tests on the others. Each test patient is a target of its own.

    Parameters
    ----------
    root : Path
        The release.
    out : Path
        Gets ``split.json`` and the trained models, which a later call finds again.
    protocols : sequence of Protocol
        Of the paper's tables; another call may take others of them.
    seed : int
        Of the split, of the weights and of the order of training.
    recipe : Recipe, optional
        How the source models are trained.
    every : int
        Train on every so many of the slices.
    tell : callable
        Told about training and about folders that are left out, a line at a time.

    Raises
    ------
    CaseError
        The folder has no usable cases, or no grades for Table 1.
    ConfigError
        A protocol is none of the paper's.
    OutputError
        ``out`` holds a bench that was set up in another way.
    """
    _require_published(protocols)
    cases = find_brats(root, tell)
    recipe = replace(recipe or BRATS_RECIPE, seed=seed)
    splits: dict[str, Split] = {}
    series = []
    for protocol in protocols:
        split = splits.setdefault(protocol.model, _split(cases, protocol, seed, root))
        own = replace(protocol, images={c: c for c in protocol.images})
        model = partial(_source_model, own, split, out, recipe, every, tell)
        by_name = {case.name: case for case in split.testing}
        series.append(
            Series(
                protocol,
                model,
                tuple(by_name),
                partial(_read_named, by_name, protocol),
                partial(_ratio, own, split, model),
            )
        )
    setup = {"root": str(root.resolve()), "seed": seed, "recipe": asdict(recipe), "every": every}
    _record(out / "split.json", setup, splits)
    return series


def _require_published(protocols: Sequence[Protocol]) -> None:
    published = [protocol.name for protocol in (*TABLE_1, *TABLE_2)]
    other = [protocol.name for protocol in protocols if protocol.name not in published]
    if other:
        # A release does not tell scanners apart, and its patients without a shift are in training.
        raise ConfigError(
            f"{' and '.join(other)} can be simulated only. A BraTS folder can be run with table-1, table-2, "
            f"or any of {', '.join(published)}."
        )


def _read_named(by_name: dict[str, BratsCase], protocol: Protocol, name: str) -> Patient:
    try:
        return read_patient(by_name[name], protocol)
    except OSError as error:  # a disk that fails under one of the files
        raise CaseError(explain(error)) from error


def _record(path: Path, setup: dict[str, Any], splits: Mapping[str, Split]) -> None:
    """Write how the bench is set up, beside the splits of earlier calls, which must be set up alike."""
    models = {
        name: {"training": [c.name for c in split.training], "testing": [c.name for c in split.testing]}
        for name, split in splits.items()
    }
    # By way of JSON, since what is read back has lists where this has tuples.
    record = json.loads(json.dumps({**setup, "models": models}))
    known = _known_record(path)
    if known is not None:
        _require_alike(path.parent, known, record)
        record["models"] = known["models"] | record["models"]
    if record != known:
        with written_whole(path) as partial_path:
            partial_path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _known_record(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        known = None
    if not isinstance(known, dict) or not all(isinstance(known.get(k), dict) for k in ("recipe", "models")):
        raise OutputError(f"{path} is damaged, so that bench cannot be gone on with: give another --out.")
    return known


def _require_alike(out: Path, known: Mapping[str, Any], record: Mapping[str, Any]) -> None:
    before, now = _set_up(known), _set_up(record)
    for what, value in now.items():
        if before.get(what) != value:
            raise OutputError(
                f"{out} holds a bench with the {what} {before.get(what)}, not {value}: give another --out."
            )
    for name in known["models"].keys() & record["models"].keys():
        if known["models"][name] != record["models"][name]:
            raise OutputError(
                f"{out} holds a bench of other patients of {record['root']} than are there now: "
                "give another --out."
            )


def _set_up(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a bench was set up with, by the words for it."""
    recipe = {f"recipe's {name}": value for name, value in record["recipe"].items()}
    names = {"root": "BraTS folder", "seed": "split seed", "every": "step between training slices"}
    return {words: record.get(name) for name, words in names.items()} | recipe


def _split(cases: Sequence[BratsCase], protocol: Protocol, seed: int, root: Path) -> Split:
    if protocol.whole_tumour:
        return split_patients(cases, seed)
    split = Split(tuple(c for c in cases if c.grade == "high"), tuple(c for c in cases if c.grade == "low"))
    if not split.training or not split.testing:
        raise CaseError(
            f"{root} does not tell high-grade from low-grade patients (the releases of 2018 to 2020 do), "
            "which Table 1 needs. Table 2 alone: --only table-2."
        )
    return split


def _card(protocol: Protocol, recipe: Recipe) -> ModelCard:
    whole = protocol.whole_tumour
    names = {0: "background", 1: "whole tumour"}
    parts = {0: "background", 1: "necrotic or non-enhancing core", 2: "oedema", 4: "enhancing"}
    return ModelCard.of(
        name="Whole tumour from T2, BraTS" if whole else "Glioma from four contrasts, BraTS",
        channels=tuple(protocol.images),
        labels=names if whole else parts,
        regions={"WT": (1,)} if whole else {"WT": (1, 2, 4), "TC": (1, 4), "ET": (4,)},
        plane="axial",
        orientation="RAS",
        size=(128, 128),
        field_of_view_mm=(240.0, 240.0),
        architecture={
            "import_from": "napari_osuda.networks",
            "callable": "UNet",
            "kwargs": {
                "in_channels": len(protocol.images),
                "out_channels": 2 if whole else 4,
                "features": list(recipe.features),
            },
        },
    )


def _source_model(
    own: Protocol, split: Split, out: Path, recipe: Recipe, every: int, tell: Callable[[str], None]
) -> SourceModel:
    """Load the source model of a protocol from ``out``, or train it first."""
    folder = out / "models" / own.model
    if not folder.is_dir():
        card = _card(own, recipe)
        classes = {value: k for k, value in enumerate(card.channel_values)}
        slices = TrainingSlices.join(_slices(own, split, card, classes, every, tell))
        if len(slices) < recipe.batch_size:
            raise CaseError(
                f"{len(split.training)} training cases have {len(slices)} usable slices, fewer than a batch "
                f"of {recipe.batch_size}: give more of the BraTS release."
            )
        for report in train_source(slices, len(classes), recipe):
            tell(f"{own.model}: epoch {report.epoch} of {report.epochs}, loss {report.loss:.4f}")
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_model_folder(
            folder, report.network.eval(), card, provenance={"training": f"BraTS, seed {recipe.seed}"}
        )
    return load_model(folder)


def _slices(
    own: Protocol,
    split: Split,
    card: ModelCard,
    classes: dict[int, int],
    every: int,
    tell: Callable[[str], None],
) -> Iterator[TrainingSlices]:
    for number, case in enumerate(split.training, start=1):
        tell(f"{own.model}: reading training case {number} of {len(split.training)}")
        patient = read_patient(case, own)
        yield training_slices(patient.case, patient.reference, slice_spec(card), classes, every)


def _ratio(own: Protocol, split: Split, model: Callable[[], SourceModel]) -> tuple[float, ...]:
    # Of the source's patients, at most twenty: a ratio needs no more.
    return class_shares((read_patient(case, own) for case in split.training[:20]), model().card)
