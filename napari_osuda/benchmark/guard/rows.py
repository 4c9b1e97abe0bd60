"""The table that the guard is fitted on: a row for each region of each candidate's mask."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_osuda.evaluation import write_rows
from napari_osuda.session.guard.figures import FIGURES, Figures

__all__ = ["COLUMNS", "CaseRows", "GuardRow", "read_rows", "read_table", "write_table"]

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
        """What is held out together: the protocol, or all of the hippocampi, whose images are the same."""
        return "hippocampus" if self.protocol.startswith("hippocampus-") else self.protocol

    def dice(self, candidate: str) -> float:
        """Mean over the regions that the reference or any mask has."""
        values = [row.dice for row in self.masks[candidate].values()]
        return sum(values) / len(values)


def read_rows(path: Path) -> list[GuardRow]:
    """The rows of a table."""
    with open(path, encoding="utf-8", newline="") as stream:
        return [_row(row) for row in csv.DictReader(stream)]


def read_table(path: Path) -> list[CaseRows]:
    """The cases of a table, in its order; regions that no mask and no reference has are left out."""
    return list(_cases(read_rows(path)))


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
