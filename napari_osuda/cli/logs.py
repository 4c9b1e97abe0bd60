"""``--verbose``: what the program logs, on stderr."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from napari_osuda.cli.printing import say

__all__ = ["LOGGER", "logging_to_terminal"]

LOGGER = logging.getLogger("napari_osuda")
_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class _Terminal(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record), file=sys.stderr)


@contextmanager
def logging_to_terminal(wanted: bool) -> Iterator[None]:
    """Show all that is logged, as long as this lasts, where that is wanted."""
    if not wanted:
        yield
        return
    handler, before = _Terminal(), LOGGER.level
    handler.setFormatter(logging.Formatter(_FORMAT, "%H:%M:%S"))
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(before)
