from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from napari_osuda.errors import OutputError
from napari_osuda.locks import is_locked, locked

_HOLD = """
import sys, time
from napari_osuda.locks import locked
with locked(sys.argv[1]):
    print("in", flush=True)
    time.sleep(60)
"""


def test_one_writer_at_a_time_and_nothing_is_left(tmp_path):
    place = tmp_path / "new"
    with locked(place, wait=0.1):
        assert is_locked(place)
        with pytest.raises(OutputError, match="writing into"), locked(place, wait=0.1):
            raise AssertionError
        with locked(place, "other.lock", wait=0.1):
            pass
    assert not is_locked(place)
    assert not place.exists()


def test_a_link_is_no_lock(tmp_path):
    (tmp_path / "canary").write_text("untouched")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").symlink_to(tmp_path / "canary")
    with pytest.raises(OutputError, match="is a link"), locked(tmp_path / "run", wait=0.1):
        raise AssertionError
    assert not is_locked(tmp_path / "run")
    assert (tmp_path / "canary").read_text() == "untouched"
    assert (tmp_path / "run" / ".lock").is_symlink()


def test_another_thread_is_another_writer(tmp_path):
    refused = []

    def write() -> None:
        try:
            with locked(tmp_path, wait=0.1, busy="busy here"):
                pass
        except OutputError as error:
            refused.append(str(error))

    with locked(tmp_path):
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert refused == ["busy here"]


def test_a_killed_process_holds_nothing(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "in\n"
    assert is_locked(tmp_path)
    process.kill()
    process.wait()
    process.stdout.close()
    assert not is_locked(tmp_path)
    with locked(tmp_path, wait=0.1):
        pass


def test_writers_that_wait_lose_nothing(tmp_path):
    path = tmp_path / "count.txt"
    path.write_text("0")

    def add() -> None:
        for _ in range(5):
            with locked(tmp_path, wait=30.0):
                path.write_text(str(int(path.read_text()) + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() == "20"
