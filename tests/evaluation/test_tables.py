import csv
import json
import math

import pytest

from napari_osuda.errors import OutputError
from napari_osuda.evaluation import RegionScore, write_rows, write_scores

SCORES = {
    'case "one", left': [RegionScore("WT", 0.8, 9.0, 4.0, 0.7, 0.9, 10.0, 12.0, failure=False)],
    "two": [RegionScore("WT", 0.0, math.inf, math.inf, 0.0, 0.0, 0.0, 5.0, failure=True)],
}


def test_csv_has_a_row_a_case_and_region(tmp_path):
    path = tmp_path / "scores.csv"
    write_scores(path, SCORES)
    with open(path, newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["case"] for row in rows] == list(SCORES)
    assert float(rows[0]["dice"]) == 0.8
    assert (float(rows[1]["hd95"]), rows[1]["failure"]) == (math.inf, "True")


def test_json_is_strict_and_carries_the_summary(tmp_path):
    path = tmp_path / "scores.JSON"
    write_scores(path, SCORES)

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    document = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert document["scores"][1]["hd95"] is None
    assert document["scores"][1]["failure"] is True
    assert document["summary"][0]["failures"] == 1
    assert document["summary"][0]["hd95_mean"] == 4.0


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_a_table_that_fails_leaves_nothing_and_keeps_what_was_there(tmp_path, suffix):
    path = tmp_path / f"table{suffix}"
    path.write_text("earlier")
    with pytest.raises((TypeError, ValueError)):
        write_rows(path, [{"a": 1}, {"a": 1, "b": object()}])
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_unusable_places_get_a_sentence(tmp_path):
    with pytest.raises(OutputError, match=r"neither \.csv nor \.json"):
        write_scores(tmp_path / "scores.xlsx", SCORES)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_scores(tmp_path / "file" / "scores.csv", SCORES)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
