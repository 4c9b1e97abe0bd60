"""What each setting buys: a sweep on validation patients, from which the defaults were chosen.

``python -m napari_osuda.benchmark.sweeps.sweep --out docs/results`` goes on where it stopped; with
``--around`` it changes the defaults that came of it, one at a time,
and with ``--weights`` what each slice counts for. Its patients are in no test, no sample and no table of
results.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from napari_osuda.benchmark.patients import VALIDATION, Patient, simulated_patient
from napari_osuda.benchmark.protocols import PROTOCOLS
from napari_osuda.benchmark.store import Rows
from napari_osuda.benchmark.sweeps.settings import (
    AROUND,
    SETTINGS,
    STATISTICS,
    WEIGHTS,
    Inference,
    Setting,
    shifts_of,
    statistics_of,
)
from napari_osuda.benchmark.sweeps.signals import GATHERED, Signals, gather
from napari_osuda.benchmark.tables import by_columns, markdown_table
from napari_osuda.evaluation import dice, region_masks
from napari_osuda.files import written_whole
from napari_osuda.imaging import IntensityMap, SliceStack, expected_map
from napari_osuda.method import AdaptationConfig, adapt
from napari_osuda.models import ModelCard, SourceModel, load_model
from napari_osuda.session import slice_spec
from napari_osuda.session.guard.passes import WHOLE
from napari_osuda.session.inference.devices import placed
from napari_osuda.session.inference.prediction import predicted
from napari_osuda.session.run.target import Target

__all__ = ["run_sweep", "sweep_rows"]

KEY = ("setting", "statistics", "protocol", "patient")
COLUMNS = (
    *KEY,
    "dice_before",
    "dice_after",
    "agreement",
    *(f"{name}_{when}" for when in ("before", "after") for name in GATHERED),
    "seconds",
)


"""Statistics at inference: how much of the source's they keep."""

"""Coarse to fine: one thing at a time is changed from an affordable middle."""

"""The defaults, one thing changed at a time: with the shipped models, as a run does it."""

"""What each slice counts for, where statistics are all that changes.

"By head" counts a slice one to four times, as a quarter to the whole of the largest head is in it; "marked
thrice" counts those in which the source model marks something three times: training batches hold more tumor
than a patient's slices do.
"""


def sweep_rows(path: Path) -> Rows:
    """The sweep's table in a file, or a new one."""
    return Rows(path, KEY, COLUMNS)


def run_sweep(
    rows: Rows,
    settings: Sequence[Setting] = SETTINGS,
    patients: Sequence[int] = VALIDATION[:2],
    models: Mapping[str, SourceModel] | None = None,
) -> Iterator[tuple[int, int]]:
    """Try what is not in ``rows`` yet; (done, total) in runs, of which one gives a row for each statistics.

    Parameters
    ----------
    rows : Rows
        From `sweep_rows`.
    settings : sequence of Setting
    patients : sequence of int
        Seeds.
    models : mapping, optional
        Source models by name; those of the sample data otherwise.
    """
    if models is None:
        from napari_osuda.simulation.shipped import sample_models

        models = {name: load_model(path) for name, path in sample_models().items()}
    # Setting by setting, so that an early end has tried the first ones everywhere.
    work = [(s, name, seed) for s in settings for name in shifts_of(s) for seed in patients]
    before: dict[tuple[str, int], _Outcome] = {}
    for done, (setting, name, seed) in enumerate(work, start=1):
        wanted = [
            i
            for i in STATISTICS
            if i.name in statistics_of(setting) and (setting.name, i.name, name, seed) not in rows
        ]
        if wanted:
            protocol = PROTOCOLS[name]
            model, patient = models[protocol.model], simulated_patient(protocol, seed)
            stack = SliceStack(patient.case, slice_spec(model.card))
            if (name, seed) not in before:
                before[name, seed] = _outcome(model.network, stack, model.card, patient)
            for inference, after, seconds in _adapted(model, patient, stack, setting, wanted):
                key = dict(zip(KEY, (setting.name, inference, name, seed), strict=True))
                rows.add(key | _row(before[name, seed], after, model.card, seconds))
        yield done, len(work)


@dataclass(frozen=True, eq=False)
class _Outcome:
    labels: np.ndarray
    dice: float
    signals: Signals


def _outcome(
    network: nn.Module, stack: SliceStack, card: ModelCard, patient: Patient, plain: SliceStack | None = None
) -> _Outcome:
    *_, labels = predicted(network, stack, card)
    assert isinstance(labels, np.ndarray)
    *_, evidence = gather(network, stack, card, plain)
    assert not isinstance(evidence, tuple)
    signals = evidence[WHOLE]
    found, truth = region_masks(labels, card.regions), region_masks(patient.reference, card.regions)
    return _Outcome(labels, float(np.mean([dice(found[r], truth[r]) for r in card.regions])), signals)


def _adapted(
    model: SourceModel, patient: Patient, stack: SliceStack, setting: Setting, wanted: Iterable[Inference]
) -> Iterator[tuple[str, _Outcome, float]]:
    """Adapt once, and finish with each of the statistics."""
    config = AdaptationConfig().replace(**setting.changes)
    spec, plain = slice_spec(model.card), stack
    if setting.mapped:
        spec = replace(spec, intensity_maps=_maps(patient))
        stack = SliceStack(patient.case, spec)
    network = placed(model.network, torch.device("cpu"), stack)
    if setting.weigh is None:
        batches = list(Target((patient.case,), spec, config.batch_size, config.seed, setting.head))
    else:
        batches = _weighed(network, stack, model.card, setting)
    began = time.perf_counter()
    adaptation = adapt(network, batches, config, activation=model.card.activation)
    while adaptation.t < config.iterations:
        next(adaptation)
    seconds = time.perf_counter() - began
    source = {k: v.clone() for k, v in adaptation.model.state_dict().items()}
    for inference in wanted:
        adaptation.model.load_state_dict(source)
        adaptation.config, adaptation.finished = config.replace(**inference.changes), False
        yield inference.name, _outcome(adaptation.finish(), stack, model.card, patient, plain), seconds


def _weighed(network: nn.Module, stack: SliceStack, card: ModelCard, setting: Setting) -> list[Tensor]:
    """The slices that take part, each as often as it counts."""
    heads = stack.head_sizes / stack.head_sizes.max()
    chosen = np.flatnonzero((heads > 0) & (heads >= setting.head))
    slices = torch.from_numpy(stack.slices(chosen))
    count = np.ones(len(chosen), np.intp)
    if setting.weigh == "by head":
        count = np.ceil(4 * heads[chosen]).astype(np.intp)
    elif setting.weigh == "marked thrice":
        *_, labels = predicted(network, stack, card)
        assert isinstance(labels, np.ndarray)
        count[stack.stacked(labels != 0)[chosen].any(axis=(1, 2))] = 3
    return list(torch.split(slices.repeat_interleave(torch.from_numpy(count), dim=0), 16))


def _maps(patient: Patient) -> tuple[IntensityMap, ...]:
    case = patient.case
    return tuple(expected_map(s.channel, s.name) for s in case.sources)


def _row(before: _Outcome, after: _Outcome, card: ModelCard, seconds: float) -> dict[str, Any]:
    row: dict[str, Any] = {
        "dice_before": before.dice,
        "dice_after": after.dice,
        "agreement": dice(before.labels != 0, after.labels != 0),
        "seconds": seconds,
    }
    for when, reached in (("before", before), ("after", after)):
        row |= {f"{name}_{when}": value for name, value in reached.signals.to_dict().items()}
    return row


def sweep_table(rows: Iterable[dict[str, str]]) -> str:
    """Mean change of Dice for each setting and shift, and the worst of all, as a Markdown table."""
    rows = list(rows)
    shifts = [name for (name,) in by_columns(rows, "protocol")]
    sources = {
        name: np.mean([float(r["dice_before"]) for r in of_shift])
        for (name,), of_shift in by_columns(rows, "protocol").items()
    }
    lines = [["source model", "", *(f"{sources[s]:.3f}" for s in shifts), "", ""]]
    for (setting, statistics), of_setting in by_columns(rows, "setting", "statistics").items():
        change = {
            name: [float(r["dice_after"]) - float(r["dice_before"]) for r in group]
            for (name,), group in by_columns(of_setting, "protocol").items()
        }
        every = [c for values in change.values() for c in values]
        seconds = np.mean([float(r["seconds"]) for r in of_setting])
        lines.append(
            [
                setting,
                statistics,
                *(f"{np.mean(change[s]):+.3f}" if s in change else "" for s in shifts),
                f"{min(every):+.3f}",
                f"{seconds:.1f}",
            ]
        )
    header = ["setting", "statistics at inference", *shifts, "worst case", "s a case"]
    return markdown_table(header, lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sweep as the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m napari_osuda.benchmark.sweeps.sweep", description=__doc__
    )
    parser.add_argument("--out", type=Path, default=Path("docs/results"), help="folder of sweep.csv and .md")
    parser.add_argument("--patients", type=int, default=2, help=f"of {len(VALIDATION)} validation patients")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="+", metavar="SETTING", help="names of settings")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--around", action="store_true", help="the defaults, one thing changed at a time")
    which.add_argument("--weights", action="store_true", help="what each slice counts for")
    options = parser.parse_args(argv)
    every: Sequence[Setting]
    name, title, every = "sweep", "Sweep", SETTINGS
    if options.around:
        name, title, every = "sweep-around", "Around the defaults", AROUND
    elif options.weights:
        name, title, every = "sweep-weights", "What each slice counts for", WEIGHTS
    settings = [s for s in every if options.only is None or s.name in options.only]
    torch.set_num_threads(options.threads)
    rows = sweep_rows(options.out / f"{name}.csv")
    with tqdm(desc="Sweep", unit="run", file=sys.stderr) as bar:
        for done, bar.total in run_sweep(rows, settings, VALIDATION[: options.patients]):
            bar.update(done - bar.n)
    with written_whole(options.out / f"{name}.md") as path:
        path.write_text(
            f"# {title}, on validation patients\n\nMean change of Dice (mean of the model's regions) against "
            "the source model.\n\n" + sweep_table(rows) + "\n"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
