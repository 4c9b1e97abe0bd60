"""How the guard did on the bench: the harm that it let through, and the gain that it kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_osuda.benchmark.tables import HARM, Row, markdown_table
from napari_osuda.benchmark.trials import number, present_regions

__all__ = ["guard_report"]


def guard_report(rows: Sequence[Row]) -> str:
    """How the guard did, over every method and case: what it let through, and what gain it kept.

    The Dice of a case is the mean over the model's regions. An oracle with labels takes whichever mask is
    better.
    """
    judged = [j for j in map(_judge, rows) if j is not None and j.row["method"] != "source-only"]
    if not judged:
        return "# The guard\n\nNo case was adapted.\n"
    parts = [
        "# The guard",
        "Over every method and case of the bench. It sees no reference. Promised: the guarded mask is never "
        f"more than {HARM} Dice worse than the source model's, and at least 80 % of the gain of an oracle "
        "with labels is kept.",
        _guard_totals(judged),
        "## By protocol",
        _guard_table(judged, "protocol"),
        "## By method",
        _guard_table(judged, "method"),
        "## By patient",
        _guard_table(judged, "patient"),
        "## Going back",
        _going_back(judged),
        "## The worst cases",
        "Masks that the guard accepted and that are worse than the source model's, and gains that it missed, "
        "of each patient the worst, ten at most.",
        _guard_cases("accepted, and worse", sorted(judged, key=lambda j: j.guarded - j.before)),
        _guard_cases("gain missed", sorted(judged, key=lambda j: j.guarded - max(j.before, j.after))),
    ]
    return "\n\n".join(parts) + "\n"


@dataclass(frozen=True)
class _Judged:
    """A row's mean Dice before and after, and with the guard."""

    row: Row
    before: float
    after: float

    @property
    def guarded(self) -> float:
        return self.after if self.row["decision"] == "accept" else self.before


def _judge(row: Row) -> _Judged | None:
    regions = present_regions([row])
    before, after = (
        [number(row, f"dice_{when}_{region}") for region in regions] for when in ("before", "after")
    )
    if not regions or None in before or None in after:
        return None
    return _Judged(row, float(np.mean(before)), float(np.mean(after)))  # type: ignore[arg-type]


def _guard_figures(judged: Sequence[_Judged]) -> tuple[int, float, float, float]:
    """Cases harmed beyond the margin, the worst change, the gain kept and the oracle's, summed."""
    harmed = sum(j.guarded < j.before - HARM for j in judged)
    worst = min(j.guarded - j.before for j in judged)
    kept = sum(j.guarded - j.before for j in judged)
    return harmed, worst, kept, sum(max(j.after - j.before, 0.0) for j in judged)


def _share(kept: float, oracle: float) -> str:
    return f"{kept / oracle:.0%}" if oracle > 1e-6 else "-"


def _guard_totals(judged: Sequence[_Judged]) -> str:
    harmed, worst, kept, oracle = _guard_figures(judged)
    unguarded = sum(j.after < j.before - HARM for j in judged)
    everything = np.mean([j.after - j.before for j in judged])
    short = [
        said
        for said, fails in (("the first promise", harmed > 0), ("the second", kept < 0.8 * oracle))
        if fails
    ]
    return (
        f"Of {len(judged)} adapted cases, {unguarded} are harmed without the guard and **{harmed}** with it; "
        f"the worst guarded change is **{worst:+.3f}**. The guard keeps **{_share(kept, oracle)}** of the "
        f"oracle's gain (mean change of Dice: {everything:+.3f} accepting all, {kept / len(judged):+.3f} "
        f"guarded, {oracle / len(judged):+.3f} oracle). "
        + (f"**It falls short** of {' and '.join(short)}." if short else "Both promises hold.")
    )


def _guard_table(judged: Sequence[_Judged], column: str) -> str:
    groups: dict[str, list[_Judged]] = {}
    for j in judged:
        groups.setdefault(j.row[column], []).append(j)
    lines = []
    for name, group in groups.items():
        harmed, worst, kept, oracle = _guard_figures(group)
        accepted = sum(j.row["decision"] == "accept" for j in group)
        unguarded = sum(j.after < j.before - HARM for j in group)
        lines.append(
            (name, str(len(group)), str(accepted), str(unguarded), str(harmed), f"{worst:+.3f}",
             f"{kept / len(group):+.3f}", f"{oracle / len(group):+.3f}", _share(kept, oracle))
        )  # fmt: skip
    header = (column, "cases", "accepted", "harmed without", "harmed", "worst", "guarded", "oracle", "kept")
    return markdown_table(header, lines)


def _going_back(judged: Sequence[_Judged]) -> str:
    """What the setting ``go_back`` would have done: `osuda-se` ends where OSUDA's iteration 0 does."""
    untrained = {_case(j): j for j in judged if j.row["method"] == "osuda-se" and j.row["seed"] == "0"}
    refused = [j for j in judged if j.row["method"] == "osuda" and j.row["decision"] != "accept"]
    back = [untrained[_case(j)] for j in refused if _case(j) in untrained]
    taken = [j for j in back if j.row["decision"] == "accept"]
    if not taken:
        return "No case of OSUDA that the guard refused had an iteration 0 that it accepts."
    changes = [j.after - j.before for j in taken]
    return (
        f"Of {len(refused)} cases of OSUDA that the guard refused, it accepts iteration 0 (the target's "
        f"statistics, nothing trained) of {len(taken)}. With `go_back=true` those would be the result: mean "
        f"change of Dice {np.mean(changes):+.3f} instead of 0, from {min(changes):+.3f} to "
        f"{max(changes):+.3f}; {sum(change < -HARM for change in changes)} harmed by more than {HARM}."
    )


def _case(judged: _Judged) -> tuple[str, str]:
    return judged.row["protocol"], judged.row["patient"]


def _guard_cases(what: str, judged: Sequence[_Judged]) -> str:
    accepted = what.startswith("accepted")
    wrong = [
        j
        for j in judged
        if j.guarded < max(j.before, j.after) - HARM and (j.row["decision"] == "accept") == accepted
    ]
    # Other methods and seeds go wrong on a patient in the same way: one line tells of all of them.
    alike: dict[tuple[str, str], list[_Judged]] = {}
    for j in wrong:
        alike.setdefault(_case(j), []).append(j)
    header = (what, "method", "patient", "before", "after", "reasons", "and as many others")
    return markdown_table(
        header,
        (
            (j.row["protocol"], j.row["method"], j.row["patient"], f"{j.before:.3f}", f"{j.after:.3f}",
             j.row["reasons"], str(len(others)))
            for j, *others in list(alike.values())[:10]
        ),
    )  # fmt: skip
