"""Which jobs there are: one a patient's session, or one a site whose patients are adapted to together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_osuda.errors import ConfigError
from napari_osuda.session.cohort.dataset import Session, chosen_participants, column_of, sessions_of

__all__ = ["CohortJob", "Plan", "plan"]


@dataclass(frozen=True)
class CohortJob:
    """One target domain.

    Attributes
    ----------
    name : str
        That of its case, or ``site-A``: a file may be called so.
    sessions : tuple of Session
        Adapted to together.
    """

    name: str
    sessions: tuple[Session, ...]


@dataclass(frozen=True)
class Plan:
    """The jobs of a part of a dataset; they are found as they are asked for.

    Attributes
    ----------
    dataset : Path
    groups : tuple of (str or None, tuple of str)
        Patients that stay in one part, and what they are called as one target (None: each its own).
    """

    dataset: Path
    groups: tuple[tuple[str | None, tuple[str, ...]], ...]

    def __iter__(self) -> Iterator[CohortJob]:
        """The jobs in order."""
        for together, members in self.groups:
            if together is not None:
                sessions = tuple(s for name in members for s in sessions_of(self.dataset, name))
                yield CohortJob(together, sessions)
                continue
            for name in members:
                for session in sessions_of(self.dataset, name):
                    yield CohortJob(session.name, (session,))


def plan(
    dataset: Path,
    labels: Sequence[str] = (),
    *,
    parts: int = 1,
    part: int = 0,
    together: str | None = None,
) -> Plan:
    """Plan a cohort, or a part of it.

    Parameters
    ----------
    dataset : Path
        Of BIDS.
    labels : sequence of str
        Of the patients; none means all.
    parts, part : int
        Into how many parts of about one size the patients are divided, and which one is wanted. Parts are
        counted from 0 or from 1: ``parts`` is the same one as 0.
    together : str, optional
        A column of ``participants.tsv``, such as ``site``: patients of the same value are one target.

    Raises
    ------
    CaseError, ConfigError
        With a sentence on what does not fit.
    """
    if parts < 1:
        raise ConfigError(f"The number of parts is {parts}; it must be 1 or more.")
    if not 0 <= part <= parts:
        raise ConfigError(f"The part is {part}; with {parts} parts it must be from 0 (or 1) to {parts}.")
    names = chosen_participants(dataset, labels)
    groups: list[tuple[str | None, tuple[str, ...]]]
    if together is None:
        groups = [(None, (name,)) for name in names]
    else:
        groups = _grouped(names, column_of(dataset, together), together)
    return Plan(dataset, tuple(groups[part % parts :: parts]))


def _grouped(
    names: Sequence[str], values: dict[str, str], column: str
) -> list[tuple[str | None, tuple[str, ...]]]:
    missing = [name for name in names if values.get(name, "n/a") == "n/a"]
    if missing:
        raise ConfigError(f"participants.tsv does not say the {column} of {missing[0]}.")
    members: dict[str, list[str]] = {}
    for name in names:
        members.setdefault(values[name], []).append(name)
    called: dict[str, str] = {}
    for value in members:
        name = f"{column}-{re.sub('[^0-9A-Za-z+]', '', value)}"
        if called.setdefault(name, value) != value:
            raise ConfigError(
                f"Two values of {column} are alike but for signs: '{called[name]}' and '{value}'. Rename one."
            )
    return [(name, tuple(members[value])) for name, value in sorted(called.items())]
