"""One writer at a time: locks of folders, that a crash of their holder releases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from napari_osuda.errors import BusyError, OutputError, cannot_write

__all__ = ["LOCK_FILE", "is_locked", "locked"]

LOCK_FILE = ".lock"
"""In a folder that is being written; it goes with the writer, and without one it means nothing."""


@contextmanager
def locked(folder: Path | str, name: str = LOCK_FILE, *, wait: float = 1.0, busy: str = "") -> Iterator[None]:
    """Hold a folder against other writers, in this process and in others.

    Parameters
    ----------
    folder : path
        Made, if it is not there.
    name : str
        Of the lock's file in it: writers of different names do not mind each other.
    wait : float
        Seconds to wait for another writer.
    busy : str
        What to say where there still is one.

    Raises
    ------
    BusyError
        Somebody else is writing there.
    OutputError
        Nothing can be written.
    """
    folder = Path(folder)
    path = folder / name
    # Another thread is another writer.
    lock = FileLock(path, thread_local=False, is_singleton=False)
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            raise OutputError(f"{path} is a link, and no lock of this program is. Remove it, and try again.")
        lock.acquire(timeout=wait)
    except Timeout:
        raise BusyError(
            busy or f"Another program is writing into {folder}. Wait until it has ended."
        ) from None
    except NotImplementedError:
        # A file system without locks: better one careful writer than none.
        yield
        return
    except OSError as error:
        raise cannot_write(folder, error) from error
    try:
        yield
    finally:
        # While it is held: whoever has opened it by now sees that it is gone, and makes a new one.
        with suppress(OSError):
            path.unlink()
        lock.release()
        if made:
            # Where nothing came of it, nothing is left.
            with suppress(OSError):
                folder.rmdir()


def is_locked(folder: Path | str, name: str = LOCK_FILE) -> bool:
    """Whether somebody is writing into a folder at this moment."""
    path = Path(folder) / name
    if not path.is_file():
        return False
    lock = FileLock(path, thread_local=False, is_singleton=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        return False
    lock.release()
    return False
