from __future__ import annotations

import os

import pytest
from bids_parts import write_bids

from napari_osuda.errors import CaseError, ConfigError
from napari_osuda.session.cohort.dataset import chosen_participants, column_of, sessions_of


def test_patients_and_their_sessions(tmp_path):
    root = write_bids(tmp_path / "bids", ["b", "a"], ["2", "1"])
    assert chosen_participants(root) == ["sub-a", "sub-b"]
    assert [session.name for session in sessions_of(root, "sub-a")] == ["sub-a_ses-1", "sub-a_ses-2"]
    assert sessions_of(root, "sub-a")[0].session == "ses-1"
    (alone,) = sessions_of(write_bids(tmp_path / "flat", ["01"]), "sub-01")
    assert (alone.name, alone.session) == ("sub-01", None)


def test_files_and_other_folders_are_no_patients(tmp_path):
    root = write_bids(tmp_path, ["01"])
    (root / "sub-02").write_text("a file")
    (root / "sourcedata").mkdir()
    assert chosen_participants(root, ["01", "sub-01"]) == ["sub-01"]
    with pytest.raises(CaseError, match="no sub-02"):
        chosen_participants(root, ["02"])


@pytest.mark.posix
def test_a_column_of_the_table(tmp_path):
    root = write_bids(tmp_path, ["01"])
    with pytest.raises(ConfigError, match="cannot be read"):
        column_of(root, "site")
    table = root / "participants.tsv"
    table.write_text("\ufeffparticipant_id\tsite\tage\nsub-01\t Bern \t40\nsub-02\t\t50\n", encoding="utf-8")
    assert column_of(root, "site") == {"sub-01": "Bern", "sub-02": "n/a"}
    table.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError):
        column_of(root, "site")
    table.unlink()
    os.mkfifo(table)
    with pytest.raises(ConfigError):
        column_of(root, "site")
