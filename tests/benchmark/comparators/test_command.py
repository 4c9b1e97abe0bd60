from __future__ import annotations

import pytest

from napari_osuda.benchmark.comparators.command import chosen
from napari_osuda.benchmark.comparators.settings import COMPARATORS
from napari_osuda.benchmark.protocols import SIMULATED
from napari_osuda.benchmark.real.protocols import LGG_CATALOG
from napari_osuda.cli.commands import main


def test_what_runs_where_nothing_is_named():
    protocols, methods, compared = chosen([], LGG_CATALOG)
    assert [p.name for p in protocols] == [
        f"flair-to-{contrast}-other-site" for contrast in ("flair", "t1post", "t1")
    ]
    assert methods == ("osuda",)
    assert compared == COMPARATORS
    assert chosen([], SIMULATED)[0] == SIMULATED.compared


def test_what_is_named_is_what_runs():
    protocols, methods, compared = chosen(["sifa", "table-1", "tent", "seat", "sifa"], SIMULATED)
    assert [p.name for p in protocols] == ["high-to-low-grade"]
    assert methods == ("tent",)
    assert compared == ("sifa", "seat")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--only", "sifa"], "sifa keeps source data: add --comparators small, or full."),
        (["--comparators", "small", "--only", "sofa"], "nothing called 'sofa' on the bench"),
        (["--brats-root", "b", "--comparators", "small"], "--comparators would choose nothing, since"),
        (["--hippocampus-root", "h", "--comparators", "full"], "--comparators would choose nothing, since"),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_line(tmp_path, capsys, given, says):
    assert main(["bench", *given, "--out", str(tmp_path / "o")]) == 1
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1
    assert not (tmp_path / "o").exists()
