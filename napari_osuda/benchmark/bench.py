"""The bench: every method on every patient of every protocol, a row each, to be gone on with at any time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from napari_osuda.benchmark.patients import (
    KNOWN_TO_SOURCE,
    TEST,
    VALIDATION,
    Patient,
    class_shares,
    simulated_patient,
)
from napari_osuda.benchmark.protocols import SIMULATED, Catalog, Protocol
from napari_osuda.benchmark.store import Rows
from napari_osuda.benchmark.trials import TUMOR_REGIONS, score_columns, trial
from napari_osuda.errors import ConfigError, OsudaError
from napari_osuda.method import PRESETS, AdaptationConfig, preset
from napari_osuda.models import SourceModel, load_model
from napari_osuda.session.guard.estimate import Estimator, judged_by

__all__ = [
    "KEY",
    "METHODS",
    "BenchSeries",
    "Done",
    "Labeled",
    "bench_rows",
    "choose",
    "run_bench",
    "simulated_series",
]

KEY = ("protocol", "method", "patient", "seed")
METHODS = tuple(PRESETS)
GuardOf = Callable[[str, str], Estimator]


@dataclass(frozen=True, eq=False)
class Labeled:
    """Patients whose labels may be learned from.

    Attributes
    ----------
    names : tuple of str
    load : callable
        Gives the patient of a name.
    """

    names: tuple[str, ...]
    load: Callable[[str], Patient]


@dataclass(frozen=True, eq=False)
class BenchSeries:
    """One protocol, ready to be run.

    Attributes
    ----------
    protocol : Protocol
    model : callable
        Loads the source model, or trains it.
    patients : tuple of str
        Names of the target patients.
    load : callable
        Gives the patient of a name.
    class_ratio : callable
        The share of each output channel that CRUDA is told; from other patients than the target's.
    source : Labeled, optional
        Those that the source model was trained on, for methods that keep them (`benchmark.comparators`).
    target : Labeled, optional
        Of the target's kind, and not among ``patients``: for an upper bound.
    """

    protocol: Protocol
    model: Callable[[], SourceModel]
    patients: tuple[str, ...]
    load: Callable[[str], Patient]
    class_ratio: Callable[[], tuple[float, ...]]
    source: Labeled | None = None
    target: Labeled | None = None


@dataclass(frozen=True)
class Done:
    """One row more: how many are done of how many, and which."""

    done: int
    total: int
    row: dict[str, str]


def choose(
    only: Collection[str], catalog: Catalog = SIMULATED
) -> tuple[tuple[Protocol, ...], tuple[str, ...]]:
    """Protocols and methods that names stand for; without any of a kind, the catalog's or all methods.

    Parameters
    ----------
    only : collection of str
        Names of protocols, groups and methods.
    catalog : Catalog
        Of the data in hand.

    Raises
    ------
    ConfigError
        A name is neither a protocol's, nor a group's, nor a method's.
    """
    protocols: list[Protocol] = []
    methods: list[str] = []
    for name in only:
        if name in catalog.protocols:
            protocols.append(catalog.protocols[name])
        elif name in catalog.groups:
            protocols += catalog.groups[name]
        elif name in PRESETS:
            methods.append(name)
        else:
            raise ConfigError(
                f"There is nothing called '{name}' on the bench. Groups: {', '.join(catalog.groups)}. "
                f"Protocols: {', '.join(catalog.protocols)}. Methods: {', '.join(METHODS)}."
            )
    once = tuple({protocol.name: protocol for protocol in protocols}.values())
    return once or catalog.default, tuple(dict.fromkeys(methods)) or METHODS


def simulated_series(protocol: Protocol, patients: Sequence[int] = TEST[:10]) -> BenchSeries:
    """A protocol on simulated patients, with the sample data's source model."""
    from napari_osuda.simulation.shipped import sample_models

    def model() -> SourceModel:
        return load_model(sample_models()[protocol.model])

    def ratio() -> tuple[float, ...]:
        others = (simulated_patient(protocol, seed) for seed in VALIDATION)
        return class_shares(others, model().card)

    def target(name: str) -> Patient:
        return simulated_patient(protocol, int(name))

    own = {channel: channel for channel in protocol.images}
    home = replace(protocol, images=own, grade="high", scanner="A")
    known = tuple(map(str, KNOWN_TO_SOURCE))
    return BenchSeries(
        protocol,
        model,
        tuple(map(str, patients)),
        target,
        ratio,
        Labeled(known, lambda name: simulated_patient(home, int(name))),
        Labeled(known, target),
    )


def bench_rows(path: Path, regions: Sequence[str] = TUMOR_REGIONS) -> Rows:
    """The table of results of models with these regions in a file, or a new one."""
    return Rows(path, KEY, (*KEY, *score_columns(regions)))


def _left_to_chance(config: AdaptationConfig) -> bool:
    """Whether the order of the batches has a say: in training, or in statistics that follow them."""
    return config.iterations > 0 and (config.entropy or config.statistics == "momentum")


def run_bench(
    series: Sequence[BenchSeries],
    rows: Rows,
    methods: Sequence[str] = METHODS,
    seeds: Sequence[int] = (0,),
    device: str = "auto",
    settings: Sequence[str] = (),
    guard_of: GuardOf | None = None,
) -> Iterator[Done]:
    """Run what is not in ``rows`` yet, failed there, or has no decision there (see `benchmark.decisions`).

    A patient that cannot be read costs its own trials, which fail, and not the bench.

    Parameters
    ----------
    series : sequence of BenchSeries
    rows : Rows
        From `bench_rows`; each trial is on the disk before the next one starts.
    methods : sequence of str
    seeds : sequence of int
        Of the order of the batches. Methods that train nothing do not depend on it, and run once.
    device : {"auto", "cpu", "cuda", "mps"}
    settings : sequence of str
        What each method's preset is changed by, as ``KEY=VALUE``.
    guard_of : callable, optional
        Gives for a protocol and a patient the guard that judges; the one that comes with the package without.

    Yields
    ------
    Done
        For each trial, also for those that had been done before.
    """
    # Patient by patient, so that a bench that is ended early has seen every protocol and method alike.
    work = [
        (one, one.patients[number], method, seed)
        for number in range(max(len(one.patients) for one in series))
        for one in series
        if number < len(one.patients)
        for method in methods
        for seed in (seeds if _left_to_chance(_config(method, settings)) else seeds[:1])
    ]
    trials = _Trials(device, settings, guard_of)
    for done, (one, name, method, seed) in enumerate(work, start=1):
        key = (one.protocol.name, method, name, seed)
        if key not in rows or _to_make_again(rows[key], _config(method, settings)):
            rows.add(dict(zip(KEY, key, strict=True)) | trials.run(one, name, method, seed))
        yield Done(done, len(work), rows[key])


def _to_make_again(row: Mapping[str, str], config: AdaptationConfig) -> bool:
    """Whether a row is none to keep: what a trial failed by may have been mended since."""
    return row["outcome"] != "done" or (config.guard and not row["decision"])


def _config(method: str, settings: Sequence[str], **changes: Any) -> AdaptationConfig:
    """What a method is run with. A row tells of what its training led to, whatever the guard says to that."""
    return AdaptationConfig.from_items(settings, base=preset(method, **{"fallback": False, **changes}))


class _Trials:
    """Trials one after another, with what the next one needs too: the patient, models and class ratios."""

    def __init__(self, device: str, settings: Sequence[str], guard_of: GuardOf | None) -> None:
        self._device, self._settings, self._guard_of = device, settings, guard_of
        self._models: dict[str, SourceModel] = {}
        self._ratios: dict[str, tuple[float, ...]] = {}
        self._patient: tuple[str, Patient | str] | None = None

    def run(self, one: BenchSeries, name: str, method: str, seed: int) -> dict[str, Any]:
        """What `trial` gives; the same of a patient that cannot be read."""
        patient = self._read(one, name)
        if isinstance(patient, str):
            return {"outcome": f"failed: {patient}", "decision": "keep-source"}
        model = self._model(one)
        changes: dict[str, Any] = {"seed": seed}
        if PRESETS[method].assumes_ratio:
            changes["class_ratio"] = self._ratio(one)
        config = _config(method, self._settings, **changes)
        guard = None if self._guard_of is None else self._guard_of(one.protocol.name, name)
        with judged_by(guard):
            return trial(model, patient, config, method, self._device)

    def _read(self, one: BenchSeries, name: str) -> Patient | str:
        """The patient, or why it cannot be read."""
        key = f"{one.protocol.name} {name}"
        if self._patient is None or self._patient[0] != key:
            try:
                self._patient = key, one.load(name)
            except OsudaError as error:
                self._patient = key, str(error)
        return self._patient[1]

    def _model(self, one: BenchSeries) -> SourceModel:
        name = one.protocol.model
        if name not in self._models:
            self._models[name] = one.model()
        return self._models[name]

    def _ratio(self, one: BenchSeries) -> tuple[float, ...]:
        name = one.protocol.name
        if name not in self._ratios:
            self._ratios[name] = one.class_ratio()
        return self._ratios[name]
