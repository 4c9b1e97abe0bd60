from __future__ import annotations

import pytest

from napari_osuda.cli.batch import Batch, skipped
from napari_osuda.errors import CaseError


def work(number: int, name: str) -> None:
    if name == "old":
        raise skipped()
    if name == "broken":
        raise CaseError("It is broken.")
    if name == "stop":
        raise KeyboardInterrupt


def test_the_end_says_how_it_went(capsys):
    assert Batch("adapted").run(["a", "old", "broken", "b"], 4, work) == 1
    lines = capsys.readouterr().err.splitlines()
    assert "napari-osuda: broken: It is broken." in lines
    assert lines[-1] == "2 of 4 cases adapted; 1 skipped; 1 failed (broken)."


def test_quiet_tells_only_what_failed(capsys):
    assert Batch("adapted", quiet=True).run(["a", "old"], 2, work) == 0
    assert capsys.readouterr().err == ""
    Batch("adapted", quiet=True).run(["a", "broken"], 2, work)
    assert "1 of 2 cases adapted; 1 failed (broken)." in capsys.readouterr().err


def test_a_single_case_is_told_in_a_sentence(capsys):
    assert Batch("adapted").run(["broken"], 1, work) == 1
    assert capsys.readouterr().err == "napari-osuda: It is broken.\n"


def test_ctrl_c_tells_what_was_done(capsys):
    with pytest.raises(KeyboardInterrupt):
        Batch("adapted").run(["a", "stop", "b"], 3, work)
    assert capsys.readouterr().err.splitlines()[-1] == "1 of 3 cases adapted; 2 not tried."


def test_of_many_failures_ten_are_named(capsys):
    Batch("adapted", quiet=True).run(
        [f"n{i}" for i in range(12)], 12, lambda number, name: work(number, "broken")
    )
    assert "12 failed (n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, ...)" in capsys.readouterr().err
