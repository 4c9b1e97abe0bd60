"""Score tables as CSV or JSON files, whole or absent."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from napari_osuda.errors import OutputError, cannot_write
from napari_osuda.evaluation.scores import RegionScore
from napari_osuda.evaluation.summary import summarize
from napari_osuda.files import csv_cell, written_whole

__all__ = ["require_table", "write_rows", "write_scores"]


def write_scores(path: Path | str, scores: Mapping[str, Sequence[RegionScore]]) -> None:
    """Write the scores of one or more cases to a .csv or .json file.

    CSV holds one row a case and region; JSON holds these rows under "scores" and their means and standard
    deviations under "summary". A distance that does not exist is "inf" in CSV and null in JSON, which
    knows no infinity; ``failure`` is true beside it.

    Parameters
    ----------
    path : Path or str
        Its suffix chooses the format.
    scores : mapping of case name to its RegionScores

    Raises
    ------
    OutputError
        The suffix is neither, or the file cannot be written.
    """
    rows = [{"case": case, **asdict(score)} for case, of_case in scores.items() for score in of_case]
    _write(Path(path), rows, {"scores": rows, "summary": [asdict(row) for row in summarize(scores)]})


def write_rows(path: Path | str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows (the same keys in each) to a .csv file, or as a list to a .json file.

    Raises
    ------
    OutputError
        The suffix is neither, or the file cannot be written.
    """
    rows = list(rows)
    _write(Path(path), rows, rows)


def require_table(path: Path) -> None:
    """Refuse a path whose suffix names no format.

    Raises
    ------
    OutputError
        The suffix is neither .csv nor .json.
    """
    if path.suffix.lower() not in (".csv", ".json"):
        raise OutputError(
            f'"{path}" ends in neither .csv nor .json; the suffix chooses the format of the table.'
        )


def _write(path: Path, rows: Sequence[Mapping[str, Any]], document: Any) -> None:
    require_table(path)
    suffix = path.suffix.lower()
    try:
        with written_whole(path) as partial, _opened(partial) as stream:
            if suffix == ".csv":
                names = list(rows[0]) if rows else []
                writer = csv.DictWriter(stream, names, lineterminator="\n")
                writer.writerow({name: csv_cell(name) for name in names})
                writer.writerows({key: csv_cell(value) for key, value in row.items()} for row in rows)
            else:
                json.dump(_finite(document), stream, indent=2, allow_nan=False)
                stream.write("\n")
    except OSError as error:
        raise cannot_write(f'The table "{path}"', error) from error


def _opened(path: Path) -> TextIO:
    # A file's name that is no text is written as escapes.
    return open(path, "w", newline="", encoding="utf-8", errors="backslashreplace")


def _finite(value: Any) -> Any:
    """Replace numbers that JSON does not know (inf, nan) by null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
