"""The comparators on the bench: trained once for a protocol, then scored patient by patient, resumably."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from napari_osuda.benchmark.bench import KEY, BenchSeries, Done
from napari_osuda.benchmark.comparators.data import folds, labeled_slices, unlabeled_slices
from napari_osuda.benchmark.comparators.loop import Domains, clock_of, train_comparator
from napari_osuda.benchmark.comparators.methods import make_comparator
from napari_osuda.benchmark.comparators.settings import Setting
from napari_osuda.benchmark.patients import Patient
from napari_osuda.benchmark.store import Rows
from napari_osuda.benchmark.training import TrainingSlices
from napari_osuda.benchmark.training.checkpoint import TrainingCheckpoint
from napari_osuda.benchmark.trials import TUMOR_REGIONS
from napari_osuda.errors import CaseError, OsudaError
from napari_osuda.evaluation import RegionScore, evaluate
from napari_osuda.models import SourceModel
from napari_osuda.session import predict_case, resolve_device

__all__ = ["UPPER_BOUND", "comparator_rows", "run_comparators"]

UPPER_BOUND = "upper-bound"
_COST = ("iterations", "training_seconds", "peak_mb", "seconds", "training")
Tell = Callable[[str], None]


def comparator_rows(path: Path, regions: Sequence[str] = TUMOR_REGIONS) -> Rows:
    """The comparators' table in a file, or a new one.

    ``training`` is a digest of what a method was trained with and on: a row of another training is none to
    keep. ``training_seconds`` and ``peak_mb`` are those of the training, ``seconds`` of one patient.
    """
    scores = [f"{figure}_{when}_{region}" for region in regions for figure in ("dice", "hd95")
              for when in ("before", "after")]  # fmt: skip
    return Rows(path, KEY, (*KEY, "outcome", *scores, *(f"reference_ml_{r}" for r in regions), *_COST))


def run_comparators(
    series: Sequence[BenchSeries],
    rows: Rows,
    names: Sequence[str],
    setting: Setting,
    folder: Path,
    device: str = "auto",
    tell: Tell = lambda text: None,
) -> Iterator[Done]:
    """Train what is not trained, and score what is not in ``rows`` or failed there.

    Parameters
    ----------
    series : sequence of BenchSeries
        Each with its ``source``.
    rows : Rows
        From `comparator_rows`.
    names : sequence of str
        Of `COMPARATORS`.
    setting : Setting
    folder : Path
        Keeps the trained networks, and half-trained ones from which a training goes on.
    device : {"auto", "cpu", "cuda", "mps"}
    tell : callable
        Told how far a training is, a line at a time.

    Yields
    ------
    Done
        For each patient and method, also for those that had been done before.
    """
    done, total = 0, len(names) * sum(len(one.patients) for one in series)
    for one in series:
        bench = _Protocol(one, setting, folder, device, tell)
        for name in names:
            for training in bench.trainings(name):
                for patient in training.judged:
                    key = (one.protocol.name, name, patient, setting.seed)
                    if key not in rows or not training.made(rows[key]):
                        found = bench.trial(training, patient)
                        rows.add(dict(zip(KEY, key, strict=True)) | found | {"training": training.digest})
                    done += 1
                    yield Done(done, total, rows[key])


@dataclass(frozen=True)
class _Training:
    """One training: of a method, judged on all patients; of the upper bound, on one fold of them."""

    method: str
    judged: tuple[str, ...]
    labeled: tuple[str, ...]
    record: dict[str, Any]

    def made(self, row: Mapping[str, str]) -> bool:
        """Whether a row is this training's, and none of a failure, which may have been mended since."""
        return row["outcome"] == "done" and row["training"] == self.digest

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.record, sort_keys=True).encode()).hexdigest()[:12]


class _Protocol:
    """A protocol's patients, read once, and the last training's segmenter."""

    def __init__(self, series: BenchSeries, setting: Setting, folder: Path, device: str, tell: Tell) -> None:
        self._series, self._setting, self._folder = series, setting, folder
        self._device, self._tell = device, tell
        self._source: SourceModel = series.model()
        self._patients: dict[str, Patient] = {}
        self._before: dict[str, list[RegionScore]] = {}
        self._slices: dict[str, Any] = {}
        self._trained: tuple[str, dict[str, Any] | str] | None = None

    def trainings(self, method: str) -> list[_Training]:
        series, judged = self._series, self._series.patients
        if method != UPPER_BOUND:
            known = series.source.names if series.source else ()
            return [self._training(method, judged, known, judged)]
        others = series.target.names if series.target else ()
        made = []
        for fold in folds(judged, self._setting.folds):
            labeled = (*(name for name in judged if name not in fold), *others)
            made.append(self._training(method, fold, labeled, ()))
        return made

    def _training(
        self, method: str, judged: tuple[str, ...], labeled: tuple[str, ...], unlabeled: tuple[str, ...]
    ) -> _Training:
        record = {
            "method": method,
            "protocol": self._series.protocol.name,
            "setting": asdict(self._setting),
            "source": self._source.sha256,
            "labeled": list(labeled),
            "unlabeled": list(unlabeled),
        }
        return _Training(method, judged, labeled, record)

    def trial(self, training: _Training, name: str) -> dict[str, Any]:
        """A patient's scores, before and after; or by what they failed."""
        if self._trained is None or self._trained[0] != training.digest:
            try:
                self._trained = training.digest, self._train(training)
            except OsudaError as error:
                self._trained = training.digest, f"failed: {error}"
        result = self._trained[1]
        if isinstance(result, str):
            return {"outcome": result}
        try:
            patient = self._patient(name)
            if name not in self._before:
                self._before[name] = self._scores(self._source, patient)
            clock = clock_of(torch.device(resolve_device(self._device)))
            began = clock()
            mask = predict_case(result["model"], patient.case, device=self._device)
            seconds = clock() - began
            after = self._scored(mask, patient)
        except OsudaError as error:
            return {"outcome": f"failed: {error}"}
        row: dict[str, Any] = {"outcome": "done", "seconds": seconds, **result["cost"]}
        for when, scores in (("before", self._before[name]), ("after", after)):
            for score in scores:
                row[f"dice_{when}_{score.region}"] = score.dice
                row[f"hd95_{when}_{score.region}"] = score.hd95
                row[f"reference_ml_{score.region}"] = score.reference_ml
        return row

    def _patient(self, name: str) -> Patient:
        if name not in self._patients:
            self._patients[name] = self._series.load(name)
        return self._patients[name]

    def _scores(self, model: SourceModel, patient: Patient) -> list[RegionScore]:
        return self._scored(predict_case(model, patient.case, device=self._device), patient)

    def _scored(self, mask: Any, patient: Patient) -> list[RegionScore]:
        card = self._source.card
        return evaluate(
            mask, patient.reference, patient.case.grid.affine, card.regions, known=card.channel_values
        )

    def _train(self, training: _Training) -> dict[str, Any]:
        """The trained model and what its training cost, from the disk where it is there."""
        card, setting = self._source.card, self._setting
        method = make_comparator(
            training.method, self._source.network, len(card.channels), len(card.channel_values), setting
        )
        title = f"{self._series.protocol.name}, {training.method}"
        checkpoint = TrainingCheckpoint(
            self._folder / f"{self._series.protocol.name}-{training.method}-{training.digest}.pt",
            training.record,
        )
        state = checkpoint.read()
        if state is None or state["iteration"] < setting.iterations:
            if state is not None:
                self._tell(f"{title}: going on after iteration {state['iteration']}")
            domains = self._domains(training)
            device = torch.device(resolve_device(self._device))
            for report in train_comparator(method, domains, device, state):
                checkpoint.write(report.state)
                losses = ", ".join(f"{part} {loss:.3f}" for part, loss in report.losses.items())
                self._tell(f"{title}: iteration {report.iteration} of {report.iterations}, {losses}")
                state = dict(report.state)
        else:
            method.networks.load_state_dict(state["networks"])
        assert state is not None
        cost = {"iterations": state["iteration"], "training_seconds": state["seconds"],
                "peak_mb": state["peak_mb"]}  # fmt: skip
        return {"model": _segmenting(self._source, method.segmenter().cpu()), "cost": cost}

    def _domains(self, training: _Training) -> Domains:
        card, series = self._source.card, self._series
        if training.method == UPPER_BOUND:
            known = self._labeled(training.labeled, self._of_target)
            return Domains(known, known.images)
        if series.source is None:
            raise CaseError("The patients that the source model was trained on are not at hand.")
        if "target" not in self._slices:
            self._tell(f"{series.protocol.name}: reading the patients")
            self._slices["source"] = self._labeled(training.labeled, series.source.load)
            self._slices["target"] = unlabeled_slices(self._readable(series.patients), card)
        return Domains(self._slices["source"], self._slices["target"])

    def _labeled(self, names: Sequence[str], load: Callable[[str], Patient]) -> TrainingSlices:
        return labeled_slices(names, load, self._source.card)

    def _of_target(self, name: str) -> Patient:
        others = self._series.target
        return others.load(name) if others and name in others.names else self._patient(name)

    def _readable(self, names: Sequence[str]) -> Iterator[Patient]:
        """The patients that can be read; one that cannot costs its own trials."""
        for name in names:
            try:
                yield self._patient(name)
            except OsudaError as error:
                self._tell(f"{name} is left out: {error}")


def _segmenting(model: SourceModel, network: nn.Module) -> SourceModel:
    """The source model with another network in its place."""
    return replace(model, network=network.eval())
