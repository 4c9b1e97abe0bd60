"""A release beside today's code on the same patients: the table of docs/results/real/expect.md.

``python -m napari_osuda.benchmark.real.comparison RELEASE.csv BENCH.csv`` prints the table.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from napari_osuda.benchmark.protocols import Protocol
from napari_osuda.benchmark.real.protocols import HIPPOCAMPUS, LGG
from napari_osuda.benchmark.tables import markdown_table
from napari_osuda.benchmark.trials import guarded, number, present_regions
from napari_osuda.session.guard.estimate import HARM

__all__ = ["comparison", "main"]

Row = Mapping[str, str]
_PROTOCOLS: Mapping[str, Protocol] = {**LGG, **HIPPOCAMPUS}
_HEADER = (
    "protocol", "patients", "source", "release", "release, guarded", "now", "now, guarded",
    "best by reference", "gained, harmed", "worst",
)  # fmt: skip


def comparison(
    release: Sequence[Row],
    now: Sequence[Row],
    method: str = "osuda",
    protocols: Mapping[str, Protocol] = _PROTOCOLS,
) -> str:
    """Mean Dice of the first region by protocol, over the patients that both benches have.

    A protocol that the release was not run on has all patients of ``now``.

    Parameters
    ----------
    release, now : sequence of rows
        Of `bench_rows`. The best by reference is the best of the source's mask and of every method's that
        ``now`` has, for each patient: what a guard that chose among them could reach.
    method : str
        Whose masks are compared.
    protocols : mapping of str to Protocol
        By name, for their titles.

    Returns
    -------
    str
        Markdown. Patients gained and harmed (by more than 0.01), and the worst change, are those of the
        guarded masks of ``now``.
    """
    lines = []
    for name in dict.fromkeys(row["protocol"] for row in now):
        before, after, all_now = (
            _by_patient(rows, name, chosen)
            for rows, chosen in ((release, method), (now, method), (now, None))
        )
        patients = [p for p in after if p in before or not before]
        if patients:
            title = protocols[name].title if name in protocols else name
            lines.append([title, str(len(patients)), *_figures(patients, before, after, all_now)])
    return markdown_table(_HEADER, lines)


def _by_patient(rows: Sequence[Row], protocol: str, method: str | None) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row["protocol"] == protocol and row["outcome"] == "done" and method in (None, row["method"]):
            found.setdefault(row["patient"], []).append(row)
    return found


def _figures(
    patients: Sequence[str],
    before: Mapping[str, list[Row]],
    after: Mapping[str, list[Row]],
    all_now: Mapping[str, list[Row]],
) -> list[str]:
    region = present_regions([dict(row) for row in after[patients[0]]])[0]

    def mean(rows: Mapping[str, list[Row]], value: Callable[[Row], float | None]) -> list[float]:
        """For each patient the mean of its seeds."""
        known = ([v for row in rows[p] if (v := value(row)) is not None] for p in patients)
        return [float(np.mean(values)) if values else float("nan") for values in known]

    source = mean(after, lambda row: number(dict(row), f"dice_before_{region}"))
    kept = mean(after, lambda row: guarded(dict(row), "dice", region))
    best = [
        max(v for row in all_now[p] for when in ("before", "after")
            if (v := number(dict(row), f"dice_{when}_{region}")) is not None)
        for p in patients
    ]  # fmt: skip
    changes = np.subtract(kept, source)
    columns = (
        source,
        mean(before, lambda row: number(dict(row), f"dice_after_{region}")) if before else None,
        mean(before, lambda row: guarded(dict(row), "dice", region)) if before else None,
        mean(after, lambda row: number(dict(row), f"dice_after_{region}")),
        kept,
        best,
    )
    return [
        *("not run" if values is None else f"{np.mean(values):.3f}" for values in columns),
        f"{int((changes > HARM).sum())}, {int((changes < -HARM).sum())}",
        f"{changes.min():+.3f}",
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table of two files."""
    parser = argparse.ArgumentParser(
        prog="python -m napari_osuda.benchmark.real.comparison",
        description=(__doc__ or "").splitlines()[0],
    )
    parser.add_argument("release", type=Path, metavar="RELEASE.csv")
    parser.add_argument("now", type=Path, metavar="BENCH.csv")
    parser.add_argument("--method", default="osuda", metavar="NAME", help="default osuda")
    options = parser.parse_args(argv)
    sys.stdout.write(comparison(_rows(options.release), _rows(options.now), options.method) + "\n")
    return 0


def _rows(path: Path) -> list[Row]:
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


if __name__ == "__main__":
    raise SystemExit(main())
