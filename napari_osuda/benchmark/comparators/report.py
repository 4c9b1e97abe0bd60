"""The comparators beside OSUDA, as the paper's Tables 1 and 2 have them.

``python -m napari_osuda.benchmark.comparators.report BENCH.csv COMPARATORS.csv`` prints the page.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from napari_osuda.benchmark.comparators.settings import COMPARATORS
from napari_osuda.benchmark.protocols import PAPER, PROTOCOLS, Protocol
from napari_osuda.benchmark.real.protocols import LGG
from napari_osuda.benchmark.tables import (
    by_columns,
    count,
    figure,
    gained,
    harmed,
    markdown_table,
    mean_dice,
    mean_distance,
    worst_change,
)
from napari_osuda.benchmark.trials import number, present_regions

__all__ = ["ALIKE", "comparators_report", "main"]

Row = dict[str, str]

ALIKE: Mapping[str, str] = {
    "flair-to-flair-other-site": "high-to-low-grade",
    "flair-to-t1post-other-site": "t2-to-t1ce",
    "flair-to-t1-other-site": "t2-to-t1",
} | {name: name for name in PAPER}
"""The paper's experiment that is most like a protocol: its figures stand beside ours."""

ABOUT = (
    "Methods that see the source's labeled images beside OSUDA, which sees the source model alone. They "
    "learn from the source model's patients with their labels, and from the judged patients' images "
    "without labels (transductive). Papers with many target patients keep some apart to judge on; these "
    "tables have too few. So a method learns once for all patients of a table. OSUDA adapts to each patient "
    "alone. Every method starts at the same source model, with the same number of iterations and images.\n\n"
    "**upper-bound** starts there too, and learns labels of the target's kind from patients that it is not "
    "judged on. It is a bound for this length of training only.\n\n"
    "Dice and HD95 (mm) are means and deviations over the patients. In brackets: how many have no HD95, with "
    "one mask empty. *Gained*: the first region is more than 0.01 better than the source model's. *Harmed*: "
    "any region is more than 0.01 worse. *Worst*: the least change of Dice. *Training*: minutes of one "
    "processor, or of a graphics card. *Memory*: the largest, of the whole process or of the graphics card. "
    "*s a case*: seconds for one patient, without training.\n\n"
    "**What differs from the paper.** *Paper* is Dice in Tables 1 and 2 of Liu et al. (2021), on BraTS 2018: "
    "hundreds of skull-stripped patients, and full-length trainings. Where our protocol is another, it is "
    "that of the experiment most like it. Ours are of few patients and of the small or full setting named "
    "here. So compare the order of methods, and no figure with another across the two."
)


def comparators_report(
    bench: Iterable[Row],
    compared: Iterable[Row],
    title: str = "Comparators",
    origin: str = "",
    protocols: Mapping[str, Protocol] = PROTOCOLS,
) -> str:
    """The tables, a protocol each.

    Parameters
    ----------
    bench : iterable of dict
        Of `bench_rows`, such as OSUDA's.
    compared : iterable of dict
        Of `comparator_rows`.
    title, origin : str
        Heading, and what was run on, in sentences.
    protocols : mapping of str to Protocol
        By name, for their titles.

    Returns
    -------
    str
        Markdown.
    """
    known, ours = (by_columns(rows, "protocol") for rows in (bench, compared))
    names = [name for (name,) in (*ours, *known) if (name,) in ours or name in ALIKE]
    parts = [f"# {title}", origin, ABOUT]
    for name in dict.fromkeys(names):
        heading = protocols[name].title if name in protocols else name
        rows = ours.get((name,), [])
        parts += [f"## {heading}", _length(rows), *_failures(rows)]
        parts.append(_table(name, _done(known.get((name,), [])), _done(rows)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _done(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["outcome"] == "done"]


def _length(rows: Sequence[Row]) -> str:
    """How long the methods were trained, and which were not yet."""
    lengths = sorted({int(row["iterations"]) for row in _done(rows)})
    said = " and ".join(f"{length:,}" for length in lengths)
    missing = [name for name in COMPARATORS if all(row["method"] != name for row in rows)]
    trained = f"{said} iterations of training. " if lengths else ""
    return trained + (f"Not run yet: {', '.join(missing)}." if missing else "")


def _failures(rows: Sequence[Row]) -> list[str]:
    failed = {row["method"]: row["outcome"] for row in rows if row["outcome"] != "done"}
    return [f"**{method}** {outcome}" for method, outcome in failed.items()]


def _table(name: str, bench: Sequence[Row], compared: Sequence[Row]) -> str:
    regions = present_regions([*compared, *bench])
    paper, alike = PAPER.get(ALIKE.get(name, ""), {}), ALIKE.get(name, "")
    lacking = {
        region: {r["patient"] for r in (*compared, *bench) if number(r, f"reference_ml_{region}") == 0}
        for region in regions
    }
    header = ["method", "sees source data", "patients"]
    for region in regions:
        header += [f"Dice {region}", *(["paper"] if _told(paper, region) else []), f"HD95 {region}"]
    header += ["gained", "harmed", "worst", "training, min", "s a case", "memory, MB"]
    lines = []
    for method, rows in _methods(bench, compared, paper).items():
        line = [method, "yes" if method in COMPARATORS else "no", str(len({r["patient"] for r in rows}))]
        for region in regions:
            having = [r for r in rows if r["patient"] not in lacking[region]]
            line.append(mean_dice(having, partial(number, column=f"dice_after_{region}")) if rows else "-")
            if _told(paper, region):
                told = paper.get(method, {}).get(region)
                line.append("" if told is None else f"{told / 100:.3f}")
            line.append(mean_distance(having, f"hd95_after_{region}") if rows else "-")
        lines.append([*line, *(_changes(rows, regions) if rows else "---"), *_cost(rows)])
    table = markdown_table(header, lines)
    title = PROTOCOLS[alike].title if alike in PROTOCOLS else ""
    return f"Paper: {title}.\n\n{table}" if paper else table


def _told(paper: Mapping[str, Mapping[str, float]], region: str) -> bool:
    return any(region in figures for figures in paper.values())


def _methods(
    bench: Sequence[Row], compared: Sequence[Row], paper: Mapping[str, Mapping[str, float]]
) -> dict[str, list[Row]]:
    """The rows of each method: the source model, the bench's, the paper's others, and the comparators."""
    judged = {row["patient"] for row in compared} or {row["patient"] for row in bench}
    once = {row["patient"]: row for row in (*bench, *compared) if row["patient"] in judged}
    found = {"source-only": [_as_source(row) for row in once.values()]}
    for (method,), rows in by_columns(bench, "method").items():
        # Of the patients that the comparators were judged on.
        found.setdefault(method, [row for row in rows if row["patient"] in judged])
    ours = by_columns(compared, "method")
    others = {method: list[Row]() for method in paper if method not in (*found, *COMPARATORS)}
    return found | others | {name: ours.get((name,), []) for name in COMPARATORS}


def _as_source(row: Row) -> Row:
    """A row whose mask after is that before."""
    kept = {c.replace("_before_", "_after_"): v for c, v in row.items() if "_before_" in c}
    return row | kept | {"training_seconds": "", "seconds": "", "peak_mb": ""}


def _changes(rows: Sequence[Row], regions: Sequence[str]) -> list[str]:
    return [
        count(rows, lambda r: gained(r, regions)),
        count(rows, lambda r: any(harmed(r, region) for region in regions)),
        worst_change(rows, regions),
    ]


def _cost(rows: Sequence[Row]) -> list[str]:
    """Minutes of all trainings together, seconds of one case, the largest memory."""
    trainings = {row.get("training", ""): number(row, "training_seconds") for row in rows}
    minutes = sum(seconds or 0.0 for seconds in trainings.values()) / 60
    return [
        figure(minutes, ".1f") if minutes else "-",
        _over(rows, "seconds", lambda values: sorted(values)[len(values) // 2], ".1f"),
        _over(rows, "peak_mb", max, ".0f"),
    ]


def _over(rows: Sequence[Row], column: str, join: Callable[[list[float]], float], form: str) -> str:
    values = [value for row in rows if (value := number(row, column)) is not None]
    return format(join(values), form) if values else "-"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the page of two files of rows, or of the second one's alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bench", type=Path, metavar="BENCH.csv")
    parser.add_argument("comparators", type=Path, metavar="COMPARATORS.csv")
    parser.add_argument("--origin", default="", help="what was run on, in sentences")
    options = parser.parse_args(arguments)
    bench, compared = map(_read, (options.bench, options.comparators))
    sys.stdout.write(
        comparators_report(bench, compared, origin=options.origin, protocols={**PROTOCOLS, **LGG})
    )


def _read(path: Path) -> list[Row]:
    with open(path, newline="", encoding="utf-8") as stream:
        # The last row of a key is the one that counts, as the bench itself reads them.
        rows = {(r["protocol"], r["method"], r["patient"], r["seed"]): r for r in csv.DictReader(stream)}
    return list(rows.values())


if __name__ == "__main__":
    main()
