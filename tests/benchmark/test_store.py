from __future__ import annotations

import pytest

from napari_osuda.benchmark.store import Rows
from napari_osuda.errors import OutputError

COLUMNS = ("case", "seed", "dice", "why")


def rows(path):
    return Rows(path, ("case", "seed"), COLUMNS)


def test_rows_are_found_again(tmp_path):
    table = rows(tmp_path / "new" / "r.csv")
    table.add({"case": "a", "seed": 0, "dice": 0.123456789, "why": 'one, "two"\nthree'})
    table.add({"case": "a", "seed": 1})
    again = rows(tmp_path / "new" / "r.csv")
    assert ("a", 0) in again
    assert ("a", "1") in again
    assert ("a", 2) not in again
    assert again["a", 0] == {"case": "a", "seed": "0", "dice": "0.12346", "why": 'one, "two" three'}
    assert [row["seed"] for row in again] == ["0", "1"]


def test_a_row_that_was_cut_off_is_not_there_and_does_not_spoil_the_next(tmp_path):
    path = tmp_path / "r.csv"
    table = rows(path)
    table.add({"case": "a", "seed": 0, "dice": 1.0})
    whole = path.read_bytes()
    table.add({"case": "b", "seed": 0, "dice": 0.5})
    for cut in range(len(whole) + 1, len(path.read_bytes())):
        torn = tmp_path / f"{cut}.csv"
        torn.write_bytes(path.read_bytes()[:cut])
        again = rows(torn)
        assert len(again) == 1
        again.add({"case": "b", "seed": 0, "dice": 0.5})
        assert torn.read_bytes() == path.read_bytes()


def test_a_file_of_other_columns_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("thesis\nyears of work\n")
    with pytest.raises(OutputError, match="other columns"):
        rows(path)
    assert path.read_text() == "thesis\nyears of work\n"
