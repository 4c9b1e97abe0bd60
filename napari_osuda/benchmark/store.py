"""Rows of results that survive an interruption: a CSV file that grows by whole rows and knows them."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_osuda.errors import OutputError, cannot_write

__all__ = ["Rows"]


class Rows:
    """A CSV file of results, each row known by its key; what is there need not be computed again.

    Parameters
    ----------
    path : Path
        Made when the first row comes.
    key : sequence of str
        Columns that tell rows apart, the first ones.
    columns : sequence of str
        All columns.

    Raises
    ------
    OutputError
        The file there has other columns.
    """

    def __init__(self, path: Path, key: Sequence[str], columns: Sequence[str]) -> None:
        self.path = path
        self.key = tuple(key)
        self.columns = tuple(columns)
        self._rows: dict[tuple[str, ...], dict[str, str]] = {}
        if path.is_file():
            self._read()

    def _read(self) -> None:
        text = self.path.read_text(encoding="utf-8")
        # A row that an interruption cut off has no line end: it is not there.
        whole = text[: text.rfind("\n") + 1]
        reader = csv.DictReader(io.StringIO(whole))
        if reader.fieldnames and tuple(reader.fieldnames) != self.columns:
            raise OutputError(
                f"{self.path} holds other columns than these results have: give another folder, "
                "or move it away."
            )
        for row in reader:
            self._rows[self._key(row)] = row
        if whole != text:
            with open(self.path, "r+b") as stream:
                stream.truncate(len(whole.encode()))

    def _key(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(str(row[name]) for name in self.key)

    def __contains__(self, key: Sequence[Any]) -> bool:
        return tuple(map(str, key)) in self._rows

    def __getitem__(self, key: Sequence[Any]) -> dict[str, str]:
        return self._rows[tuple(map(str, key))]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[dict[str, str]]:
        """Go through the rows, as dicts of texts, in the order in which they came."""
        return iter(self._rows.values())

    def add(self, row: Mapping[str, Any]) -> None:
        """Append a row, whole or not at all; columns that it has not stay empty.

        Raises
        ------
        OutputError
            The file cannot be written.
        """
        unknown = set(row) - set(self.columns)
        if unknown:
            raise ValueError(f"no column {min(unknown)}")
        texts = {name: _text(row.get(name, "")) for name in self.columns}
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, self.columns, lineterminator="\n")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "a", encoding="utf-8", newline="") as stream:
                if stream.tell() == 0:
                    writer.writeheader()
                writer.writerow(texts)
                # In one write, and on the disk before the next trial starts.
                stream.write(buffer.getvalue())
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self._rows[self._key(texts)] = texts


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.5g}"
    # A line is a row: an interruption is told by the line that does not end.
    return "" if value is None else " ".join(str(value).split())
