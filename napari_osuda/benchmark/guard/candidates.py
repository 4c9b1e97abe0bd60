"""What other signals would tell the guard: ``python -m napari_osuda.benchmark.guard.candidates``.

Label-free figures that the guard does not use, beside those it uses, on validation patients: how well does
each tell the masks that have become better from those that have become worse?
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import nn

from napari_osuda.benchmark.patients import VALIDATION, simulated_patient
from napari_osuda.benchmark.protocols import PROTOCOLS
from napari_osuda.benchmark.store import Rows
from napari_osuda.benchmark.tables import HARM, markdown_table
from napari_osuda.evaluation import dice
from napari_osuda.files import written_whole
from napari_osuda.imaging import SliceStack
from napari_osuda.method import main_output, preset, probabilities
from napari_osuda.models import ModelCard, load_model
from napari_osuda.models.classes import has_background
from napari_osuda.session import adapt_case
from napari_osuda.session.guard.signals import WHOLE
from napari_osuda.session.guard.verdict import IMPLAUSIBLE
from napari_osuda.session.inference.case_slices import slice_spec

__all__ = ["KEY", "auc", "candidate_rows", "candidate_table", "measure", "shift_consistency"]

KEY = ("protocol", "method", "patient")
METHODS = ("osuda", "contrast-only", "adabn", "tent")
_USED = {"border": "yes", "coherence": "yes", "mirror": "yes"}
_OF_TRAINING = ("distance", "dead")
_SIGNALS = ("border", "coherence", "mirror", "shift", "certainty", "largest")
COLUMNS = (
    *KEY, "dice_before", "dice_after", "share_before",
    *(f"{name}_{when}" for name in (*_SIGNALS, *_OF_TRAINING) for when in ("before", "after")),
)  # fmt: skip

Row = dict[str, str]

_ABOUT = (
    f"AUC: the chance that a mask that has become better (by more than {HARM} Dice) has the larger "
    "figure than one that has become worse; 0.5 says nothing. Better and worse are told by the mean Dice of "
    "the model's regions, the figures are of all labels together. shift: Dice with the mask of slices moved "
    "by 3 pixels along both axes, moved back. distance: mean d (eq. 5), dead: channels that hardly vary, "
    "both of the last iteration: at the first, methods that replace statistics and those that mix them have "
    "nothing in common. So few cases tell a strong figure from one that says nothing, and no more."
)


@torch.inference_mode()
def shift_consistency(network: nn.Module, stack: SliceStack, card: ModelCard, pixels: int = 3) -> float:
    """Dice between the mask of all labels and that of the slices moved along both axes, moved back.

    Parameters
    ----------
    network : nn.Module
        Of slices, in eval mode.
    stack : SliceStack
        The case as it sees it.
    card : ModelCard
    pixels : int
        By how many the slices are moved: no multiple of a pooling layer's step.
    """
    indices = np.flatnonzero(stack.foreground)
    masks: tuple[list[Any], list[Any]] = ([], [])
    for start in range(0, len(indices), 16):
        x = torch.from_numpy(stack.slices(indices[start : start + 16]))
        for found, by in zip(masks, (0, pixels), strict=True):
            p = probabilities(main_output(network(x.roll((by, by), (2, 3)))), card.activation)
            marked = 1 - p[:, 0] if has_background(card) else p.amax(dim=1)
            found.append((marked > 0.5).roll((-by, -by), (1, 2)).numpy())
    return float(dice(*(np.concatenate(found) for found in masks)))


def measure(protocol: str, method: str, patient: int) -> Row:
    """Adapt to a patient; the figures before and after, of all labels together."""
    from napari_osuda.simulation.shipped import sample_models

    target = simulated_patient(PROTOCOLS[protocol], patient)
    model = load_model(sample_models()[PROTOCOLS[protocol].model])
    result = adapt_case(
        model, target.case, preset(method), method=method, references=[target.reference], device="cpu"
    )
    case, spec = result.cases[0], slice_spec(model.card)
    row: dict[str, object] = dict(zip(KEY, (protocol, method, patient), strict=True))
    for when, scores in (("before", case.scores_before), ("after", case.scores_after)):
        row[f"dice_{when}"] = float(np.mean([score.dice for score in scores]))
    told = None if case.recommendation is None else case.recommendation.signals
    if told is not None and result.network is not None:
        row["share_before"] = told["before"][WHOLE]["share"]
        for when in ("before", "after"):
            row |= {f"{n}_{when}": v for n, v in told[when][WHOLE].items() if n in _SIGNALS}
        seen = replace(spec, intensity_maps=result.intensity_maps or spec.intensity_maps)
        for when, network, as_seen in (("before", model.network, spec), ("after", result.network, seen)):
            stack = SliceStack(target.case, as_seen)
            row[f"shift_{when}"] = shift_consistency(network.eval(), stack, model.card)
        if result.reports:
            for when, report in (("before", result.reports[0]), ("after", result.reports[-1])):
                row[f"distance_{when}"] = float(np.nanmean(report.distance))
                row[f"dead_{when}"] = report.dead_channels
    return {column: _short(row.get(column, "")) for column in COLUMNS}


def _short(value: object) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def candidate_rows(path: Path) -> Rows:
    """The table of figures in a file, or a new one."""
    return Rows(path, KEY, COLUMNS)


def auc(values: Sequence[float], better: Sequence[bool]) -> float:
    """Chance that a mask that has become better has the larger value; nan where all went one way.

    Ties count half: the area under the curve of Mann and Whitney.
    """
    up = [v for v, yes in zip(values, better, strict=True) if yes]
    down = [v for v, yes in zip(values, better, strict=True) if not yes]
    if not up or not down:
        return float("nan")
    return float(stats.mannwhitneyu(up, down).statistic / (len(up) * len(down)))


def candidate_table(rows: Sequence[Row]) -> str:
    """How well each figure tells gains from harm, in Markdown.

    Parameters
    ----------
    rows : sequence of dict
        Of `candidate_rows`; those whose Dice changes by `HARM` or less say nothing.
    """
    told = [r for r in rows if r["share_before"] and abs(_change(r, "dice")) > HARM]
    groups = {
        "source mask plausible": [r for r in told if float(r["share_before"]) <= IMPLAUSIBLE],
        "source mask nonsense": [r for r in told if float(r["share_before"]) > IMPLAUSIBLE],
    }
    header = ["figure", "used"]
    for name, group in groups.items():
        gains = sum(_change(r, "dice") > 0 for r in group)
        header += [
            f"{name}: {len(group)} cases, {gains} gains",
            "AUC of the change",
            "AUC of the figure after",
        ]
    lines = []
    for figure in (*_SIGNALS, *_OF_TRAINING):
        line = [figure, _USED.get(figure, "no")]
        for group in groups.values():
            there = [r for r in group if r[f"{figure}_after"]]
            better = [_change(r, "dice") > 0 for r in there]
            after = [float(r[f"{figure}_after"]) for r in there]
            change = (
                "-" if figure in _OF_TRAINING else f"{auc([_change(r, figure) for r in there], better):.2f}"
            )
            line += [str(len(there)), change, f"{auc(after, better):.2f}"]
        lines.append(line)
    return markdown_table(header, lines)


def _change(row: Row, figure: str) -> float:
    return float(row[f"{figure}_after"]) - float(row[f"{figure}_before"])


def _missing(rows: Rows, patients: Sequence[int]) -> Iterator[tuple[str, str, int]]:
    for patient in patients:
        for protocol in PROTOCOLS:
            for method in METHODS:
                if (protocol, method, str(patient)) not in rows:
                    yield protocol, method, patient


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what has not been measured yet, and write the table."""
    parser = argparse.ArgumentParser(
        prog="python -m napari_osuda.benchmark.guard.candidates", description=__doc__
    )
    parser.add_argument("--patients", type=int, default=4, help=f"of {len(VALIDATION)} validation patients")
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    options = parser.parse_args(argv)
    patients = VALIDATION[: options.patients]
    rows = candidate_rows(options.out / "guard-candidates.csv")
    for key in _missing(rows, patients):
        sys.stderr.write(json.dumps(key) + "\n")
        rows.add(measure(*key))
    table = candidate_table(list(rows))
    with written_whole(options.out / "guard-candidates.md") as path:
        path.write_text(
            "# What other signals would tell the guard\n\n"
            f"On validation patients {patients[0]} to {patients[-1]}, every protocol, methods "
            f"{', '.join(METHODS)}. {_ABOUT}\n\n{table}\n"
        )
    sys.stdout.write(table + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
