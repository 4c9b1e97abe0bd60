"""The paper's tables on a real BraTS folder: the split by patient, and the source models trained on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from napari_osuda.benchmark.bench import BenchSeries
from napari_osuda.benchmark.brats.cases import BratsCase, Split, find_brats, read_patient, split_patients
from napari_osuda.benchmark.patients import Patient, class_shares
from napari_osuda.benchmark.protocols import TABLE_1, TABLE_2, Protocol
from napari_osuda.benchmark.training.checkpoint import TrainingCheckpoint
from napari_osuda.benchmark.training.recipe import Recipe
from napari_osuda.benchmark.training.slices import TrainingSlices, training_slices
from napari_osuda.benchmark.training.training import train_source
from napari_osuda.errors import CaseError, ConfigError, OutputError, explain
from napari_osuda.files import written_whole
from napari_osuda.models import ModelCard, SourceModel, load_model, write_model_folder
from napari_osuda.session import resolve_device, slice_spec

__all__ = ["BRATS_RECIPE", "brats_series"]

BRATS_RECIPE = Recipe(features=(16, 32, 64, 128, 128))
"""How source models are trained on BraTS: the U-Net wider than the samples', which have to be small."""


def brats_series(
    root: Path,
    out: Path,
    protocols: Sequence[Protocol] = (*TABLE_1, *TABLE_2),
    seed: int = 0,
    recipe: Recipe | None = None,
    every: int = 2,
    tell: Callable[[str], None] = lambda text: None,
    device: str = "auto",
) -> list[BenchSeries]:
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
    device : {"auto", "cpu", "cuda", "mps"}
        Where the source models are trained.

    Raises
    ------
    CaseError
        The folder has no usable cases, or no grades for Table 1.
    ConfigError
        A protocol is none of the paper's, or there is no such device.
    OutputError
        ``out`` holds a bench that was set up in another way.
    """
    _require_published(protocols)
    resolved = resolve_device(device)
    cases = find_brats(root, tell)
    recipe = replace(recipe or BRATS_RECIPE, seed=seed)
    splits: dict[str, Split] = {}
    series = []
    for protocol in protocols:
        split = splits.setdefault(protocol.model, _split(cases, protocol, seed, root))
        own = replace(protocol, images={c: c for c in protocol.images})
        model = partial(_source_model, own, split, out, recipe, every, tell, resolved)
        by_name = {case.name: case for case in split.testing}
        series.append(
            BenchSeries(
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
        raise OutputError(f"{path} is damaged, so that bench cannot be continued: give another --out.")
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
    if protocol.whole_tumor:
        return split_patients(cases, seed)
    split = Split(tuple(c for c in cases if c.grade == "high"), tuple(c for c in cases if c.grade == "low"))
    if not split.training or not split.testing:
        raise CaseError(
            f"{root} does not separate high-grade from low-grade patients (the releases of 2018 to 2020 do), "
            "which Table 1 needs. Table 2 alone: --only table-2."
        )
    return split


def _card(protocol: Protocol, recipe: Recipe) -> ModelCard:
    whole = protocol.whole_tumor
    names = {0: "background", 1: "whole tumor"}
    parts = {0: "background", 1: "necrotic or non-enhancing core", 2: "edema", 4: "enhancing"}
    return ModelCard.of(
        name="Whole tumor from T2, BraTS" if whole else "Glioma from four contrasts, BraTS",
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
    own: Protocol,
    split: Split,
    out: Path,
    recipe: Recipe,
    every: int,
    tell: Callable[[str], None],
    device: torch.device,
) -> SourceModel:
    """Load the source model of a protocol from ``out``, or train it first, from the last whole epoch on."""
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
        trained_on = {"every": every, "cases": [case.name for case in split.training], "slices": len(slices)}
        checkpoint = TrainingCheckpoint(
            folder.with_name(f"{own.model}.checkpoint.pt"), {"recipe": asdict(recipe), **trained_on}
        )
        state = checkpoint.read()
        if state is not None:
            tell(f"{own.model}: going on after epoch {state['epoch']}")
        for report in train_source(slices, len(classes), recipe, device=device, resume=state):
            if report.epoch < report.epochs:  # after the last one the model itself is written
                checkpoint.write(report.state)
            tell(f"{own.model}: epoch {report.epoch} of {report.epochs}, loss {report.loss:.4f}")
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_model_folder(
            folder, report.network.eval(), card, provenance={"training": f"BraTS, seed {recipe.seed}"}
        )
        checkpoint.path.unlink(missing_ok=True)
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
