"""How the guard's score does on the sweep's patients: ``python -m napari_osuda.benchmark.guard.check``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_osuda.benchmark.guard.decisions import contrast_of
from napari_osuda.benchmark.sweeps.sweep import sweep_rows
from napari_osuda.benchmark.tables import HARM, by_columns, markdown_table
from napari_osuda.session.guard.signals import GATHERED, WHOLE, Signals
from napari_osuda.session.guard.verdict import IMPLAUSIBLE, verdict

__all__ = ["check_table"]


def check_table(rows: Sequence[dict[str, str]]) -> str:
    """For each shift: harmed cases without and with the score, the worst, and the gain kept, in Markdown.

    Parameters
    ----------
    rows : sequence of dict
        Of the sweep. Those whose source mask is no tumor's are left out: the sweep did not compare the sides
        of the head.
    """
    lines = []
    rows = [row for row in rows if float(row["share_before"]) <= IMPLAUSIBLE]
    for (shift,), group in [*by_columns(rows, "protocol").items(), (("all",), rows)]:
        change = np.array([float(r["dice_after"]) - float(r["dice_before"]) for r in group])
        guarded = np.where([_accepts(r) for r in group], change, 0.0)
        gain = np.maximum(change, 0).sum()
        lines.append(
            [
                shift,
                str(len(group)),
                str(int((change < -HARM).sum())),
                str(int((guarded < -HARM).sum())),
                f"{guarded.min():+.3f}",
                f"{guarded.sum() / gain:.0%}" if gain > 0 else "-",
            ]
        )
    return markdown_table(("shift", "cases", "harmed without", "harmed", "worst", "gain kept"), lines)


def _accepts(row: dict[str, str]) -> bool:
    before, after = (
        Signals(**{name: float(row[f"{name}_{when}"]) for name in GATHERED}) for when in ("before", "after")
    )
    contrast = contrast_of(row["protocol"], "contrast mapped" in row["setting"])
    return after.share > 0 and verdict({WHOLE: before}, {WHOLE: after}, contrast).accept


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m napari_osuda.benchmark.guard.check", description=__doc__)
    parser.add_argument("--sweep", type=Path, default=Path("docs/results/sweep.csv"))
    sys.stdout.write(check_table(list(sweep_rows(parser.parse_args(argv).sweep))) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
