"""``run.log``: what a run did and when, for whoever has to find out why it went wrong."""

from __future__ import annotations

import errno
import logging
import os
import platform
import stat
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TypeVar

from napari_osuda.errors import printable
from napari_osuda.session.events import After, Before, Event, Finished, Note, Progress, Started, Step
from napari_osuda.session.job import Job
from napari_osuda.version import __version__

__all__ = ["LOG_FILE", "RunLog"]

LOG_FILE = "run.log"
"""In a run folder. Unlike the other files it grows line by line, so that a killed run leaves one too."""

_E = TypeVar("_E", bound=Event)
_LOGGER = logging.getLogger(__name__)
_FORMAT = "%(asctime)s %(levelname)-7s %(message)s"


class RunLog:
    """Tells a run's events to the file ``run.log`` of its folder, and to `logging` under this module's name.

    Parameters
    ----------
    folder : Path or None
        Of the run; None writes no file. A run that is resumed adds to what is there.

    Notes
    -----
    Nothing that goes wrong with the log (a full disk) reaches the run.
    """

    def __init__(self, folder: Path | None) -> None:
        self._handler: logging.Handler | None = None
        self._stage = ""
        if folder is not None:
            try:
                self._handler = _File(folder / LOG_FILE)
            except OSError:
                _LOGGER.warning("%s cannot be written.", folder / LOG_FILE)

    def begin(self, job: Job, device: str) -> None:
        """What is about to be done, and by what."""
        self._say(
            logging.INFO,
            f"napari-osuda {__version__}, Python {platform.python_version()}, {platform.platform()}",
        )
        self._say(logging.INFO, f"Model {job.model.path} ({job.model.form}, SHA-256 {job.model.sha256})")
        for case in job.cases:
            self._say(
                logging.INFO, f"Case {case.name}: {', '.join(str(source.path) for source in case.sources)}"
            )
        again = ", resumed" if job.resume else ""
        self._say(logging.INFO, f"Method {job.method} on {device}{again}: {job.config.to_dict()}")

    def event(self, event: _E) -> _E:
        """Tell one event of the run; it is given back."""
        self._tell(event)
        return event

    def _tell(self, event: Event) -> None:
        if isinstance(event, Started):
            channels = sum(layer.channels for layer in event.layers)
            self._say(logging.INFO, f"{len(event.layers)} BatchNorm layers with {channels} channels")
        elif isinstance(event, Progress):
            if event.stage != self._stage:
                self._stage = event.stage
                self._say(logging.INFO, f"Stage {event.stage}")
        elif isinstance(event, Note):
            self._say(logging.WARNING, event.text)
        elif isinstance(event, Step):
            report = event.report
            self._say(
                logging.DEBUG,
                f"t = {report.t}: eta {report.eta:.4f}, lambda {report.lam:.4f}, L_HBS {report.l_hbs:.6g}, "
                f"L_SE {report.l_se:.6g} nats, mean d {report.distance.mean():.6g}, {report.seconds:.3f} s",
            )
        elif isinstance(event, Before):
            self._say(
                logging.INFO, f"Original mask of case {event.index}: {int((event.labels != 0).sum())} voxels"
            )
        elif isinstance(event, After):
            decision = "none" if event.recommendation is None else event.recommendation.decision
            marked = int((event.labels != 0).sum())
            self._say(
                logging.INFO,
                f"Adapted mask of case {event.index}: {marked} voxels; recommendation: {decision}",
            )
        elif isinstance(event, Finished):
            result = event.result
            level = logging.ERROR if result.outcome == "failed" else logging.INFO
            self._say(level, f"Outcome: {result.outcome}" + (f": {result.error}" if result.error else ""))

    def failure(self, error: BaseException) -> None:
        """Where in the program a failure came from."""
        self._say(logging.ERROR, "The run failed:", error)

    def close(self) -> None:
        """Let go of the file."""
        if self._handler is not None:
            # What a full disk has not taken by now is lost.
            with suppress(OSError):
                self._handler.close()
            self._handler = None

    def _say(self, level: int, text: str, error: BaseException | None = None) -> None:
        cause = None if error is None else (type(error), error, error.__traceback__)
        record = _LOGGER.makeRecord(_LOGGER.name, level, __file__, 0, printable(text), (), cause)
        # The file takes everything, whatever the program that we are part of wants to hear.
        if self._handler is not None:
            self._handler.handle(record)
        if _LOGGER.isEnabledFor(level):
            _LOGGER.handle(record)


class _File(logging.FileHandler):
    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", errors="backslashreplace")
        self.setFormatter(logging.Formatter(_FORMAT))

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding=self.encoding, errors=self.errors, opener=_own_file)

    def handleError(self, record: logging.LogRecord) -> None:
        """Go on without."""


def _own_file(path: str, flags: int) -> int:
    """Open a file of the folder, and never what a link in its place leads to, nor a pipe, which waits."""
    if os.path.islink(path):
        raise OSError(errno.ELOOP, "it is a link", path)
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path, flags, 0o666)
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:
        os.close(handle)
        raise OSError(errno.EINVAL, "it is not a file of this folder alone", path)
    return handle
