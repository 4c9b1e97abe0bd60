"""The guard's decisions made again from the figures that a row of the bench keeps.

``python -m napari_osuda.benchmark.guard.decisions docs/results/bench.csv`` writes them, so that a change
of the guard costs no new run of the bench.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_osuda.evaluation import write_rows
from napari_osuda.session.guard.estimate import fitted
from napari_osuda.session.guard.figures import FIGURES, Evidence, Figures
from napari_osuda.session.guard.recommendation import judged
from napari_osuda.session.guard.wording import reasons_in_words

__all__ = ["decided_again", "main"]


def decided_again(row: Mapping[str, str]) -> dict[str, str]:
    """A row with the decision and the reasons that the guard gives today.

    Parameters
    ----------
    row : mapping
        Of `bench_rows`. Rows without figures (nothing was adapted) are left as they are.

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
    evidence = {name: _evidence(side) for name, side in known.items()}
    advice = judged(evidence, signals["candidate"], fitted(), signals.get("contrast")).advice
    return {**row, "decision": advice.decision, "reasons": " ".join(reasons_in_words(advice))}


def _evidence(kept: Mapping[str, Mapping[str, float]]) -> Evidence:
    return {region: Figures(**figures) for region, figures in kept.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Make all decisions of a table again."""
    parser = argparse.ArgumentParser(
        prog="python -m napari_osuda.benchmark.guard.decisions", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("table", type=Path, help="bench.csv")
    path: Path = parser.parse_args(argv).table
    with open(path, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    again = [decided_again(row) for row in rows]
    write_rows(path, again)
    changed = sum(new["decision"] != old["decision"] for new, old in zip(again, rows, strict=True))
    sys.stdout.write(f"{changed} of {len(rows)} decisions are other ones now.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
