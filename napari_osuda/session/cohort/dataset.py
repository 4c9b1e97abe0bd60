"""A BIDS dataset as a cohort sees it: patients, their sessions, and the columns of ``participants.tsv``."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_osuda.errors import CaseError, ConfigError, printable
from napari_osuda.imaging import case_name

__all__ = ["Session", "chosen_participants", "column_of", "sessions_of"]

# BIDS: a label is letters and digits ("+" since 1.10). Others would make two names alike.
_PARTICIPANT = re.compile(r"sub-[0-9A-Za-z+]+")
_SESSION = re.compile(r"ses-[0-9A-Za-z+]+")
_TABLE = "participants.tsv"
_LARGEST_TABLE = 2**26


@dataclass(frozen=True)
class Session:
    """The images of one patient at one time.

    Attributes
    ----------
    participant : str
        ``sub-01``.
    session : str or None
        ``ses-1``; None where the dataset knows no sessions.
    folder : Path
    """

    participant: str
    session: str | None
    folder: Path

    @property
    def name(self) -> str:
        """``sub-01_ses-1``: the name of its case."""
        return case_name(self.folder)


def chosen_participants(dataset: Path, labels: Sequence[str] = ()) -> list[str]:
    """The patients of a dataset in order, all or those of the labels (with or without ``sub-``).

    Raises
    ------
    CaseError
        It is no BIDS dataset, a label is not in it, or a patient's folder has a name that BIDS forbids.
    """
    if not dataset.is_dir():
        raise CaseError(f"{dataset} is not a folder: give the top folder of a BIDS dataset.")
    found = sorted(e.name for e in os.scandir(dataset) if e.name.startswith("sub-") and e.is_dir())
    if not found:
        held = ", ".join(sorted(printable(e.name) for e in os.scandir(dataset))[:8]) or "nothing"
        raise CaseError(
            f"{dataset} holds no folder sub-...: give the top folder of a BIDS dataset. It holds: {held}."
        )
    if labels:
        wanted = [label if label.startswith("sub-") else f"sub-{label}" for label in labels]
        unknown = [name for name in wanted if name not in set(found)]
        if unknown:
            raise CaseError(f"There is no {unknown[0]} in {dataset}, which holds {_listed(found)}.")
        found = sorted(set(wanted))
    odd = next((name for name in found if not _PARTICIPANT.fullmatch(name)), None)
    if odd is not None:
        raise CaseError(
            f"The folder {dataset / odd} has no BIDS name: after 'sub-' there are letters and digits only. "
            "Rename it."
        )
    return found


def sessions_of(dataset: Path, participant: str) -> tuple[Session, ...]:
    """The sessions of a patient in order; one without a name where there is no folder ``ses-...``."""
    folder = dataset / participant
    found = sorted(e.name for e in os.scandir(folder) if _SESSION.fullmatch(e.name) and e.is_dir())
    if not found:
        return (Session(participant, None, folder),)
    return tuple(Session(participant, name, folder / name) for name in found)


def column_of(dataset: Path, column: str) -> dict[str, str]:
    """For each patient the value of a column of ``participants.tsv``.

    Raises
    ------
    ConfigError
        There is no such file or column.
    """
    path = dataset / _TABLE
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_TABLE:
            raise ValueError("no table")
        with open(path, encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
    except (OSError, ValueError, csv.Error):
        raise ConfigError(f"{path} cannot be read, and it must have the column '{column}'.") from None
    # A row that is longer than the header has a column without a name.
    columns = [name for name in rows[0] if isinstance(name, str)] if rows else []
    if "participant_id" not in columns or column not in columns:
        raise ConfigError(f"{path} has no column '{column}'. It has: {_listed([*columns])}.")
    return {str(row["participant_id"]): str(row[column] or "n/a").strip() for row in rows}


def _listed(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(printable(name) for name in names[:most]) or "nothing") + more
