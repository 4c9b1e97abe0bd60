from __future__ import annotations

import logging
import os
from contextlib import closing
from pathlib import Path

import pytest

from napari_osuda.method import AdaptationConfig
from napari_osuda.session.api import make_job
from napari_osuda.session.events import Note, Progress
from napari_osuda.session.notes import NoteKind
from napari_osuda.session.run_folder import run_log
from napari_osuda.session.run_folder.run_log import LOG_FILE, RunLog


@pytest.fixture
def job(model, case):
    return make_job(model, case, AdaptationConfig(iterations=1))


def test_events_are_told_line_by_line(job, tmp_path, caplog):
    with closing(RunLog(tmp_path)) as log, caplog.at_level(logging.DEBUG, "napari_osuda"):
        log.begin(job, "cpu")
        log.event(Progress("before", 0, 4, None))
        log.event(Progress("before", 1, 4, None))
        log.event(Note(NoteKind.OTHER, "Mind this.\x1b[2J"))
    lines = (tmp_path / LOG_FILE).read_text(encoding="utf-8").splitlines()
    assert sum("Stage before" in line for line in lines) == 1
    assert lines[-1].endswith("WARNING Mind this.\\x1b[2J")
    assert "Mind this." in caplog.text


def test_a_file_is_written_though_nobody_listens(job, tmp_path, caplog):
    with closing(RunLog(tmp_path)) as log, caplog.at_level(logging.ERROR, "napari_osuda"):
        log.begin(job, "cpu")
    assert "Method osuda on cpu" in (tmp_path / LOG_FILE).read_text(encoding="utf-8")
    assert not caplog.records


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_disk_that_is_full_does_not_reach_the_run(job, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(run_log, "_own_file", lambda path, flags: os.open("/dev/full", os.O_WRONLY))
    with closing(RunLog(tmp_path)) as log:
        log.begin(job, "cpu")
    assert capsys.readouterr().err == ""


@pytest.mark.posix
@pytest.mark.parametrize("kind", ["link", "dangling link", "hard link", "pipe", "folder"])
def test_only_a_file_of_the_folder_is_written(job, tmp_path, kind):
    folder, canary = tmp_path / "run", tmp_path / "canary"
    folder.mkdir()
    if kind != "dangling link":
        canary.write_text("alive")
    log = folder / LOG_FILE
    if kind == "pipe":
        os.mkfifo(log)
    elif kind == "folder":
        log.mkdir()
    elif kind == "hard link":
        log.hardlink_to(canary)
    else:
        log.symlink_to(canary)
    with closing(RunLog(folder)) as told:
        told.begin(job, "cpu")
    assert canary.exists() == (kind != "dangling link")
    assert kind == "dangling link" or canary.read_text() == "alive"


def test_where_no_file_can_be_there_is_none(job, tmp_path):
    log = RunLog(tmp_path / "nowhere")
    log.begin(job, "cpu")
    log.close()
    RunLog(None).begin(job, "cpu")
    assert not (tmp_path / "nowhere").exists()


def test_a_failure_is_told_with_its_place(job, tmp_path):
    with closing(RunLog(tmp_path)) as log:
        try:
            raise ValueError("odd")
        except ValueError as error:
            log.failure(error)
    text = (tmp_path / LOG_FILE).read_text(encoding="utf-8")
    assert "Traceback" in text
    assert "ValueError: odd" in text
