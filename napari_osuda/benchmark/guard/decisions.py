"""The guard's decisions made again from the figures that a row of the bench keeps.

``python -m napari_osuda.benchmark.guard.decisions docs/results/bench.csv`` writes them, so that a change
of the guard costs no new run of the bench. With ``--held-out`` and the tables that the guard is fitted on,
each decision is that of a guard fitted on them without the institution or collection of the patient.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_osuda.benchmark.guard.fit import finished, held_out
from napari_osuda.benchmark.guard.rows import CaseRows, bench_rows, read_table
from napari_osuda.evaluation import write_rows
from napari_osuda.session.guard.estimate import Estimator, fitted
from napari_osuda.session.guard.figures import FIGURES, Evidence, Figures
from napari_osuda.session.guard.recommendation import judged
from napari_osuda.session.guard.wording import reasons_in_words

__all__ = ["HoldingOut", "decided_again", "main"]


def decided_again(row: Mapping[str, str], estimator: Estimator | None = None) -> dict[str, str]:
    """A row with the decision and the reasons that the guard gives today.

    Parameters
    ----------
    row : mapping
        Of a bench. Rows without figures (nothing was adapted) are left as they are.
    estimator : Estimator, optional
        Another than the one that comes with the package.

    Returns
    -------
    dict
        Without a decision where the row was made before the guard knew all that it goes by now.
    """
    if not row.get("signals"):
        return dict(row)
    signals: dict[str, Any] = json.loads(row["signals"])
    known = signals.get("figures", {})
    if not known or any(
        set(of_region) != set(FIGURES) for side in known.values() for of_region in side.values()
    ):
        return {**row, "decision": "", "reasons": ""}
    if signals["candidate"] not in known:
        # The original mask without some pieces: no figures decide on it, but that nothing else was taken.
        return dict(row)
    evidence = {name: _evidence(side) for name, side in known.items()}
    advice = judged(evidence, signals["candidate"], estimator or fitted(), signals.get("contrast")).advice
    return {**row, "decision": advice.decision, "reasons": " ".join(reasons_in_words(advice))}


def _evidence(kept: Mapping[str, Mapping[str, float]]) -> Evidence:
    return {region: Figures(**figures) for region, figures in kept.items()}


class HoldingOut:
    """Guards fitted on tables, each without one group of patients.

    Parameters
    ----------
    cases : sequence of CaseRows
    """

    def __init__(self, cases: Sequence[CaseRows]) -> None:
        self._cases = cases
        self._known: dict[str, Estimator] = {}

    def estimator(self, row: Mapping[str, str]) -> Estimator | None:
        """The guard for a row of a bench; None where the row has no figures."""
        if not (rows := bench_rows(row)):
            return None
        return self.without(rows[0].protocol, rows[0].patient)

    def without(self, protocol: str, patient: str) -> Estimator:
        """The guard that was fitted without the institution or collection of a patient."""
        group = CaseRows(protocol, patient, "", {}).group
        if group not in self._known:
            others = [case for case in self._cases if case.group != group]
            self._known[group] = finished(others, held_out(others))
        return self._known[group]


def main(argv: Sequence[str] | None = None) -> int:
    """Make all decisions of a table again."""
    parser = argparse.ArgumentParser(
        prog="python -m napari_osuda.benchmark.guard.decisions", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("table", type=Path, help="bench.csv")
    parser.add_argument(
        "--held-out", type=Path, nargs="+", metavar="TABLE", help="what the guard is fitted on"
    )
    options = parser.parse_args(argv)
    path: Path = options.table
    with open(path, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    guards = HoldingOut(read_table(*options.held_out)) if options.held_out else None
    again = [decided_again(row, guards.estimator(row) if guards else None) for row in rows]
    write_rows(path, again)
    changed = sum(new["decision"] != old["decision"] for new, old in zip(again, rows, strict=True))
    sys.stdout.write(f"{changed} of {len(rows)} decisions are other ones now.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
