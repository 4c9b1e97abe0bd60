"""The table that the guard is fitted on: a row for each region of each candidate's mask."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_osuda.evaluation import write_rows
from napari_osuda.session.guard.figures import FIGURES, Figures
from napari_osuda.session.guard.passes import WHOLE

__all__ = ["COLUMNS", "CaseRows", "GuardRow", "bench_rows", "read_rows", "read_table", "write_table"]

# The LGG data set names a patient by the institution.
_LGG = re.compile(r"TCGA_([A-Z0-9]{2})_")
_HIPPOCAMPUS = "hippocampus-"
COLUMNS = ("protocol", "patient", "family", "region", "candidate", "dice", *FIGURES)


@dataclass(frozen=True)
class GuardRow:
    """One region of one candidate's mask.

    Attributes
    ----------
    protocol, patient : str
    family : str
        Which candidates were compared with each other: those of one run.
    region, candidate : str
    dice : float
        Against the reference.
    figures : Figures
    """

    protocol: str
    patient: str
    family: str
    region: str
    candidate: str
    dice: float
    figures: Figures


@dataclass(frozen=True)
class CaseRows:
    """What one run on one patient has led to.

    Attributes
    ----------
    protocol, patient, family : str
    masks : dict of str to dict of str to GuardRow
        By candidate and region; the source model's among them.
    """

    protocol: str
    patient: str
    family: str
    masks: dict[str, dict[str, GuardRow]]

    @property
    def group(self) -> str:
        """What is held out together: all that comes from one institution, one collection or one simulator."""
        if self.protocol.startswith(_HIPPOCAMPUS):
            return "hippocampi"
        if (institution := _LGG.match(self.patient)) is not None:
            return f"gliomas of {institution[1]}"
        return "simulated" if self.patient[:1].isdigit() else "skull-stripped gliomas"

    @property
    def weighed_with(self) -> str:
        """What weighs alike in a fit: a protocol, or all of the hippocampi together."""
        return _HIPPOCAMPUS if self.protocol.startswith(_HIPPOCAMPUS) else self.protocol

    def dice(self, candidate: str) -> float:
        """Mean over the regions that the reference or any mask has."""
        values = [row.dice for row in self.masks[candidate].values()]
        return sum(values) / len(values)


def read_rows(path: Path) -> list[GuardRow]:
    """The rows of a table: gathered ones, or those of a bench (``bench.csv``)."""
    with open(path, encoding="utf-8", newline="") as stream:
        plain = list(csv.DictReader(stream))
    if plain and "signals" in plain[0]:
        return [found for row in plain for found in bench_rows(row)]
    return [_row(row) for row in plain]


def read_table(*paths: Path) -> list[CaseRows]:
    """The cases of tables, in their order; regions that no mask and no reference has are left out."""
    return list(_cases([row for path in paths for row in read_rows(path)]))


def bench_rows(row: Mapping[str, str]) -> list[GuardRow]:
    """Rows of a run of the bench: its original mask and the one it led to.

    None where the run kept no figures, or not those of today.
    """
    signals = json.loads(row["signals"]) if row["signals"] else {}
    known = {
        (candidate, region): figures
        for candidate, regions in signals.get("figures", {}).items()
        for region, figures in regions.items()
    }
    if any(set(figures) != set(FIGURES) for figures in known.values()):
        return []
    family = "plain" if signals.get("contrast") is None else "mapped"
    return [
        GuardRow(
            protocol=row["protocol"], patient=row["patient"], family=family,
            region=region, candidate=candidate, dice=score, figures=Figures(**figures),
        )
        for (candidate, region), figures in known.items()
        if candidate in ("source", signals.get("candidate", candidate))
        and (score := _score(row, candidate, region)) is not None
    ]  # fmt: skip


def _score(row: Mapping[str, str], candidate: str, region: str) -> float | None:
    """Dice of a mask that a row of the bench tells of; all labels are told only where there is one region."""
    start = "dice_before_" if candidate == "source" else "dice_after_"
    told = {
        name.removeprefix(start): value for name, value in row.items() if name.startswith(start) and value
    }
    if region == WHOLE:
        return float(next(iter(told.values()))) if len(told) == 1 else None
    return float(told[region]) if region in told else None


def write_table(path: Path, rows: Iterable[GuardRow]) -> None:
    """Write a table, whole or not at all."""
    write_rows(path, [_plain(row) for row in rows])


def _plain(row: GuardRow) -> dict[str, object]:
    fields: dict[str, object] = {name: getattr(row, name) for name in COLUMNS[:5]}
    numbers = {"dice": row.dice, **row.figures.to_dict()}
    return fields | {name: f"{value:.5g}" for name, value in numbers.items()}


def _row(plain: dict[str, str]) -> GuardRow:
    figures = Figures(**{name: float(plain[name]) for name in FIGURES})
    return GuardRow(
        protocol=plain["protocol"],
        patient=plain["patient"],
        family=plain["family"],
        region=plain["region"],
        candidate=plain["candidate"],
        dice=float(plain["dice"]),
        figures=figures,
    )


def _cases(rows: Sequence[GuardRow]) -> Iterator[CaseRows]:
    runs: dict[tuple[str, str, str], dict[str, dict[str, GuardRow]]] = {}
    for row in rows:
        masks = runs.setdefault((row.protocol, row.patient, row.family), {})
        masks.setdefault(row.candidate, {})[row.region] = row
    for (protocol, patient, family), masks in runs.items():
        # A Dice of 1 of an empty mask is that of an empty reference.
        there = {
            name
            for regions in masks.values()
            for name, row in regions.items()
            if row.figures.share > 0 or row.dice < 1
        }
        kept = {c: {n: row for n, row in r.items() if n in there} for c, r in masks.items()}
        if there and "source" in kept:
            yield CaseRows(protocol, patient, family, kept)
