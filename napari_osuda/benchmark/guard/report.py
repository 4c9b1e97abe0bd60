"""How the guard did on the bench: the harm that it let through, and the gain that it kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from napari_osuda.benchmark.patients import KNOWN_TO_GUARD, TUNING
from napari_osuda.benchmark.tables import Row, markdown_table
from napari_osuda.benchmark.trials import number, present_regions
from napari_osuda.session.guard.estimate import HARM

__all__ = ["guard_report"]


def guard_report(rows: Sequence[Row]) -> str:
    """How the guard did, over every method and case: what it let through, and what gain it kept.

    The Dice of a row is the mean over the model's regions. An oracle with labels takes whichever mask is
    better. A case is one method on one patient of a protocol: its seeds together weigh as much as a case that
    was run once, and it is harmed where one of them is.
    """
    trials = [t for t in map(_trial, rows) if t is not None and t.row["method"] != "source-only"]
    if not trials:
        return "# The guard\n\nNo case was adapted.\n"
    cases = _cases(trials)
    parts = [
        "# The guard",
        "A case is one method on one patient of a protocol, with the mean of its seeds. It counts as harmed "
        "where one of the seeds is. Its Dice is the mean over the "
        "model's regions (whole tumor only, or with core and enhancing part). The guard sees no reference. "
        f"Promised: the guarded mask is never more than {HARM} Dice worse than the source model's. At "
        "least 80 % of the gain of an oracle with labels is kept.",
        f"{_totals(cases)} {_single_regions(cases)}{_unjudged(rows)}{_known(rows)}",
        "## By protocol",
        _guard_table(cases, "protocol"),
        "## By method",
        _guard_table(cases, "method"),
        "## By patient",
        _guard_table(cases, "patient"),
        "## Going back",
        _going_back(cases),
        "## The worst cases",
        "Masks that the guard accepted and that are worse than the source model's, and gains that it missed. "
        "Of each patient in each protocol the worst is listed, ten at most.",
        _guard_cases("accepted, and worse", True, sorted(trials, key=lambda t: t.guarded - t.before)),
        _guard_cases("gain missed", False, sorted(trials, key=lambda t: t.guarded - max(t.before, t.after))),
    ]
    return "\n\n".join(parts) + "\n"


@dataclass(frozen=True)
class _Trial:
    """A row's mean Dice before and after, and with the guard."""

    row: Row
    before: float
    after: float
    # Change of Dice of the region that changes for the worst.
    worst_region: float

    @property
    def accepted(self) -> bool:
        return self.row["decision"] == "accept"

    @property
    def guarded(self) -> float:
        return self.after if self.accepted else self.before


T = TypeVar("T", "_Trial", "_GuardedCase")


@dataclass(frozen=True)
class _GuardedCase:
    """The seeds of one method on one patient of a protocol."""

    seeds: Sequence[_Trial]

    @property
    def row(self) -> Row:
        return self.seeds[0].row

    @property
    def accepted(self) -> float:
        return self._mean(lambda t: t.accepted)

    @property
    def change(self) -> float:
        """Of Dice, all masks accepted."""
        return self._mean(lambda t: t.after - t.before)

    @property
    def kept(self) -> float:
        """Change of Dice with the guard."""
        return self._mean(lambda t: t.guarded - t.before)

    @property
    def oracle(self) -> float:
        """Change of Dice of who knows the better mask."""
        return self._mean(lambda t: max(t.after - t.before, 0.0))

    @property
    def worst(self) -> float:
        return min(t.guarded - t.before for t in self.seeds)

    @property
    def worst_region(self) -> float:
        """Change of Dice of the region that the guard lets change for the worst."""
        return min(min(t.worst_region, 0.0) if t.accepted else 0.0 for t in self.seeds)

    @property
    def harmed(self) -> bool:
        return self.worst < -HARM

    @property
    def harmed_without(self) -> bool:
        return any(t.after < t.before - HARM for t in self.seeds)

    def _mean(self, value: Callable[[_Trial], float]) -> float:
        return float(np.mean([value(t) for t in self.seeds]))


def _trial(row: Row) -> _Trial | None:
    regions = present_regions([row])
    before, after = (
        [number(row, f"dice_{when}_{region}") for region in regions] for when in ("before", "after")
    )
    if not regions or not row["decision"] or None in before or None in after:
        return None
    change = np.subtract(after, before)  # type: ignore[arg-type]
    return _Trial(row, float(np.mean(before)), float(np.mean(after)), float(change.min()))  # type: ignore[arg-type]


def _cases(trials: Sequence[_Trial]) -> list[_GuardedCase]:
    return [_GuardedCase(seeds) for seeds in _grouped(trials, "protocol", "method", "patient").values()]


def _share(kept: float, oracle: float) -> str:
    return f"{kept / oracle:.1%}" if oracle > 1e-6 else "-"


def _totals(cases: Sequence[_GuardedCase]) -> str:
    harmed, kept, oracle = (
        sum(c.harmed for c in cases),
        sum(c.kept for c in cases),
        sum(c.oracle for c in cases),
    )
    short = [
        said
        for said, fails in (("the first promise", harmed > 0), ("the second", kept < 0.8 * oracle))
        if fails
    ]
    return (
        f"Of {len(cases)} adapted cases, {sum(c.harmed_without for c in cases)} are harmed without the guard "
        f"and **{harmed}** with it; the worst guarded change is **{min(c.worst for c in cases):+.3f}**. The "
        f"guard keeps **{_share(kept, oracle)}** of the oracle's gain (mean change of Dice: "
        f"{np.mean([c.change for c in cases]):+.3f} accepting all, {kept / len(cases):+.3f} guarded, "
        f"{oracle / len(cases):+.3f} oracle). "
        + (f"**It falls short** of {' and '.join(short)}." if short else "Both promises hold.")
    )


def _single_regions(cases: Sequence[_GuardedCase]) -> str:
    """What the mean over the regions may hide: one that pays for the others."""
    without = sum(any(t.worst_region < -HARM for t in c.seeds) for c in cases)
    harmed = sum(c.worst_region < -HARM for c in cases)
    return (
        f"Region by region, {harmed} cases have one that is more than {HARM} worse with the guard ({without} "
        f"without it), the worst by {min(c.worst_region for c in cases):+.3f}."
    )


def _unjudged(rows: Sequence[Row]) -> str:
    """Of the rows that `napari_osuda.benchmark.guard.decisions` could not decide again."""
    missing = sum(not row["decision"] for row in rows)
    return (
        f" {missing} of {len(rows)} trials were made before the guard knew all that it goes by now. They "
        "were not judged again, and are not in these figures."
        if missing
        else ""
    )


def _known(rows: Sequence[Row]) -> str:
    """Of the patients whose results the guard was made to fit."""
    patients = {row["patient"] for row in rows}
    known = patients & {str(seed) for seed in (*TUNING, *KNOWN_TO_GUARD)}
    if not known:
        return ""
    return (
        f" The guard was chosen on, or changed for, {len(known)} of these {len(patients)} patients: on them "
        "these figures are no test of it."
    )


def _guard_table(cases: Sequence[_GuardedCase], column: str) -> str:
    header = (column, "cases", "accepted", "harmed without", "harmed", "worst", "guarded", "oracle", "kept")
    return markdown_table(header, (_line(name, group) for (name,), group in _grouped(cases, column).items()))


def _line(name: str, cases: Sequence[_GuardedCase]) -> tuple[str, ...]:
    kept, oracle = sum(c.kept for c in cases), sum(c.oracle for c in cases)
    return (
        name,
        str(len(cases)),
        f"{sum(c.accepted for c in cases):.3g}",
        str(sum(c.harmed_without for c in cases)),
        str(sum(c.harmed for c in cases)),
        f"{min(c.worst for c in cases):+.3f}",
        f"{kept / len(cases):+.3f}",
        f"{oracle / len(cases):+.3f}",
        _share(kept, oracle),
    )


def _going_back(cases: Sequence[_GuardedCase]) -> str:
    """What ``fallback``, which the bench leaves out, makes of it: `osuda-se` is OSUDA's iteration 0."""
    untrained = {_key(c): c.seeds[0] for c in cases if c.row["method"] == "osuda-se"}
    refused = [c for c in cases if c.row["method"] == "osuda" and c.accepted < 1 and _key(c) in untrained]
    taken = [untrained[_key(c)] for c in refused if untrained[_key(c)].accepted]
    if not taken:
        return "No case of OSUDA that the guard refused had an iteration 0 that it accepts."
    changes = [t.after - t.before for t in taken]
    return (
        f"Of {len(refused)} cases of OSUDA that the guard refused, it accepts iteration 0 (the target's "
        f"statistics, nothing trained) of {len(taken)}. Outside the bench (`fallback=true`) those are the "
        f"result. Mean change of Dice: {np.mean(changes):+.3f} instead of 0, from {min(changes):+.3f} to "
        f"{max(changes):+.3f}. {sum(change < -HARM for change in changes)} harmed by more than {HARM}."
    )


def _key(case: _GuardedCase) -> tuple[str, str]:
    return case.row["protocol"], case.row["patient"]


def _guard_cases(what: str, accepted: bool, trials: Sequence[_Trial]) -> str:
    wrong = [t for t in trials if t.guarded < max(t.before, t.after) - HARM and t.accepted == accepted]
    # Other methods and seeds go wrong on a patient in the same way: one line tells of all of them.
    header = (what, "method", "patient", "before", "after", "reasons", "trials alike")
    return markdown_table(
        header,
        (
            (t.row["protocol"], t.row["method"], t.row["patient"], f"{t.before:.3f}", f"{t.after:.3f}",
             t.row["reasons"], str(len(others)))
            for t, *others in list(_grouped(wrong, "protocol", "patient").values())[:10]
        ),
    )  # fmt: skip


def _grouped(items: Sequence[T], *columns: str) -> dict[tuple[str, ...], list[T]]:
    """By what their rows have in some columns, in the order in which that first occurs."""
    groups: dict[tuple[str, ...], list[T]] = {}
    for item in items:
        groups.setdefault(tuple(item.row[name] for name in columns), []).append(item)
    return groups
