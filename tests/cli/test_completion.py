from __future__ import annotations

import pytest

from napari_osuda.cli.commands import main


def test_completion_or_the_command_that_brings_it(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--print-completion", "bash"])
    told = capsys.readouterr()
    if stop.value.code == 0:
        assert "cohort" in told.out
    else:
        assert "pip install 'napari-osuda[completion]'" in told.err


def test_paths_are_completed_as_files_or_folders(capsys):
    shtab = pytest.importorskip("shtab")
    with pytest.raises(SystemExit):
        main(["--print-completion", "zsh"])
    told = capsys.readouterr().out
    assert shtab.DIRECTORY["zsh"] in told
    assert shtab.FILE["zsh"] in told


def test_an_unknown_shell_is_wrong_usage(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--print-completion", "fish"])
    assert stop.value.code == 2
