"""Tables of the bench's rows, in Markdown and in words that say harm where there is harm."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import numpy as np

from napari_osuda.benchmark.protocols import PAPER, PROTOCOLS, Protocol
from napari_osuda.benchmark.trials import guarded, number, present_regions
from napari_osuda.session.guard.estimate import HARM

__all__ = [
    "bench_report",
    "by_columns",
    "count",
    "figure",
    "gained",
    "harmed",
    "markdown_table",
    "mean_and_sd",
    "mean_dice",
    "mean_distance",
    "outcome_of",
    "worst_change",
]

Row = dict[str, str]


def markdown_table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    rows = [tuple(header), tuple("---" for _ in header), *(tuple(line) for line in lines)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def outcome_of(before: float, after: float) -> str:
    """In a word, what a change of Dice is worth."""
    if after < before - HARM:
        return "harm"
    return "gain" if after > before + HARM else "no change"


def mean_and_sd(values: Iterable[float | None]) -> tuple[float, float]:
    """Mean and sample standard deviation of what is finite; nan where there is too little."""
    finite = [v for v in values if v is not None and math.isfinite(v)]
    mean = float(np.mean(finite)) if finite else math.nan
    return mean, float(np.std(finite, ddof=1)) if len(finite) > 1 else math.nan


def by_columns(rows: Iterable[Row], *names: str) -> dict[tuple[str, ...], list[Row]]:
    """Rows by the values that they have in some columns, in the order in which those first occur."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return groups


def bench_report(
    rows: Sequence[Row], title: str, about: str, protocols: Mapping[str, Protocol] = PROTOCOLS
) -> str:
    """The tables of a bench: for each protocol a line for each method.

    Parameters
    ----------
    rows : sequence of dict
        Of `bench_rows`.
    title, about : str
        Heading, and what was run, in a paragraph.
    protocols : mapping of str to Protocol
        By name, for their titles.

    Returns
    -------
    str
        Markdown.
    """
    parts = [f"# {title}", about]
    for (name,), of_protocol in by_columns(rows, "protocol").items():
        heading = f"## {protocols[name].title if name in protocols else name}"
        parts += [heading, *_absences(of_protocol), _protocol_table(name, of_protocol)]
    done = [row for row in rows if row["outcome"] == "done"]
    calibrated = [row for row in done if row.get("ece_after")]
    if calibrated:
        # Some of the trials would be others for each method: no table to compare them by.
        lacking = (
            f"{len(calibrated)} of {len(done)} trials have these figures; the others are older than they."
        )
        table = _calibration_table(calibrated) if len(calibrated) == len(done) else lacking
        parts += ["## Calibration", _ABOUT_CALIBRATION, table]
    return "\n\n".join(parts) + "\n"


def _without(rows: Sequence[Row], region: str) -> set[str]:
    """The patients who have none of a region; where no row of one tells, he is taken to have it."""
    return {r["patient"] for r in rows if number(r, f"reference_ml_{region}") == 0}


def _absences(rows: Sequence[Row]) -> list[str]:
    """A sentence on each region that some patients have none of, since it has no Dice there."""
    said, patients = [], len({r["patient"] for r in rows})
    for region in present_regions(rows):
        none = _without(rows, region)
        if none:
            said.append(
                f"{len(none)} of {patients} patients have no {region}. Its figures are those of the others; "
                f"*{region} where none is*: in so many trials on those patients the method marks some."
            )
    return said


def _protocol_table(name: str, rows: Sequence[Row]) -> str:
    regions = present_regions(rows)
    absent = {region: _without(rows, region) for region in regions}
    # Where most patients have none of a region, the paper's figure of it is of something else.
    paper = {
        region: {method: figures.get(region) for method, figures in PAPER[name].items()}
        for region, none in absent.items()
        if name in PAPER and 2 * len(none) <= len({r["patient"] for r in rows})
    }
    header = ["method"]
    for region in regions:
        header += [f"Dice {region}", *([f"paper {region}"] if region in paper else [])]
        header += [f"HD95 {region}, mm (failed)", *([f"{region} where none is"] if absent[region] else [])]
    header += ["gained", "harmed", "worst", f"guarded Dice {regions[0]}" if regions else "guarded",
               "guarded: harmed", "worst", "accepted", "s a case", "sd of seeds"]  # fmt: skip
    lines = []
    for (method,), of_method in by_columns(rows, "method").items():
        line = [method]
        for region in regions:
            having = [r for r in of_method if r["patient"] not in absent[region]]
            line.append(mean_dice(having, partial(number, column=f"dice_after_{region}")))
            if region in paper:
                published = paper[region].get(method)
                line.append("" if published is None else f"{published / 100:.3f}")
            line.append(mean_distance(having, f"hd95_after_{region}"))
            if absent[region]:
                without = [r for r in of_method if r["patient"] in absent[region]]
                others = [number(r, f"dice_after_{region}") for r in without]
                line.append(f"{others.count(0.0)} of {len(others)}")
        judged = [r for r in of_method if r["decision"]]
        line += [
            count(of_method, lambda r: gained(r, regions)),
            count(of_method, lambda r: any(harmed(r, region) for region in regions)),
            worst_change(of_method, regions),
            _guarded(of_method, regions[0]) if regions else "",
            count(judged, lambda r: _lets_harm(r, regions)),
            worst_change([r for r in judged if r["decision"] == "accept"], regions, none="0"),
            count(judged, lambda r: r["decision"] == "accept"),
            figure(_median(number(r, "seconds") for r in of_method), ".1f"),
            figure(_sd_of_seeds(of_method, regions), ".4f"),
        ]
        lines.append(line)
    return markdown_table(header, lines)


def harmed(row: Row, region: str) -> bool:
    """Whether a region is worse than the source's by more than `HARM`, or has no mask any more."""
    before, after = number(row, f"dice_before_{region}"), number(row, f"dice_after_{region}")
    return before is not None and (after is None or after < before - HARM)


def gained(row: Row, regions: Sequence[str]) -> bool:
    """Whether the first of the regions is better than the source's by more than `HARM`."""
    changes = [_change(row, region) for region in regions[:1]]
    return any(change is not None and change > HARM for change in changes)


def _lets_harm(row: Row, regions: Sequence[str]) -> bool:
    return row["decision"] == "accept" and any(harmed(row, region) for region in regions)


def _change(row: Row, region: str) -> float | None:
    before, after = number(row, f"dice_before_{region}"), number(row, f"dice_after_{region}")
    return None if before is None or after is None else after - before


def worst_change(rows: Sequence[Row], regions: Sequence[str], none: str = "-") -> str:
    """The least change of Dice in any region and trial."""
    known = [c for row in rows for region in regions if (c := _change(row, region)) is not None]
    return f"{min(known):+.3f}" if known else none


def count(rows: Sequence[Row], holds: Callable[[Row], bool]) -> str:
    """Of how many rows something holds."""
    return f"{sum(map(holds, rows))} of {len(rows)}"


def mean_dice(rows: Sequence[Row], value: Callable[[Row], float | None]) -> str:
    """Mean and standard deviation over the patients, each the mean of its seeds."""
    mean, sd = mean_and_sd(mean_and_sd(map(value, one))[0] for one in by_columns(rows, "patient").values())
    return figure(mean, ".3f") + ("" if math.isnan(sd) else f" ± {sd:.3f}")


def mean_distance(rows: Sequence[Row], column: str) -> str:
    """Mean and sd as `mean_dice`, of the trials that have such a distance; and how many have none."""
    distances = [[number(r, column) for r in one] for one in by_columns(rows, "patient").values()]
    failures = sum(d is None or math.isinf(d) for one in distances for d in one)
    mean, sd = mean_and_sd(mean_and_sd(one)[0] for one in distances)
    spread = "" if math.isnan(sd) else f" ± {sd:.1f}"
    return f"{figure(mean, '.1f')}{spread} ({failures} of {len(rows)})"


_ABOUT_CALIBRATION = (
    "Is a network as often right as it is sure? Expected calibration error (15 bins) and Brier score over "
    "the voxels of the head, before and after; 0 is best."
)


def _calibration_table(rows: Sequence[Row]) -> str:
    lines = []
    for (protocol, method), of_both in by_columns(rows, "protocol", "method").items():
        figures = [mean_dice(of_both, partial(number, column=f"{figure}_{when}"))
                   for figure in ("ece", "brier") for when in ("before", "after")]  # fmt: skip
        lines.append([protocol, method, *figures])
    header = ["protocol", "method", "ECE before", "after", "Brier before", "after"]
    return markdown_table(header, lines)


def _guarded(rows: Sequence[Row], region: str) -> str:
    """As `mean_dice`, of what the guard leaves; of all patients or none, or it would not compare."""
    if any(all(not r["decision"] for r in one) for one in by_columns(rows, "patient").values()):
        return "-"
    return mean_dice(rows, lambda r: guarded(r, "dice", region))


def _median(values: Iterable[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else math.nan


def _sd_of_seeds(rows: Sequence[Row], regions: Sequence[str]) -> float:
    """Standard deviation of Dice over the seeds of a patient, mean of all; nan with one seed."""
    spreads = [
        mean_and_sd(number(r, f"dice_after_{region}") for r in one)[1]
        for one in by_columns(rows, "patient").values()
        for region in regions
    ]
    return mean_and_sd(spreads)[0]


def figure(value: float, form: str) -> str:
    """A number in a table; a dash for nan."""
    return "-" if math.isnan(value) else format(value, form)
