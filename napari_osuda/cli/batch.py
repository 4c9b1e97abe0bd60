"""Many cases one after the other: one that fails does not stop the others, and the end says how it went."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from napari_osuda.cli.printing import say
from napari_osuda.cli.terminal import DONE, FAILED
from napari_osuda.errors import explain

__all__ = ["Batch", "skipped"]

_LOGGER = logging.getLogger(__name__)


class Skipped(Exception):
    """There is nothing to do for this case."""


def skipped() -> Skipped:
    """Raised by a case's work: it has been done before."""
    return Skipped()


@dataclass
class Batch:
    """Does one thing for each of several cases.

    Attributes
    ----------
    verb : str
        What is done with a case: "segmented".
    quiet : bool
        Tell only what failed.
    """

    verb: str
    quiet: bool = False
    done: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)

    def run(self, names: Iterable[str], total: int, work: Callable[[int, str], None]) -> int:
        """Do the work for each case, by its number and name; the exit code.

        Ctrl-C ends it, and what has been done by then is told.
        """
        try:
            for number, name in enumerate(names):
                if total > 1 and not self.quiet:
                    say(f"{number + 1} of {total}: {name}", file=sys.stderr)
                try:
                    work(number, name)
                    self.done += 1
                except Skipped:
                    self.skipped += 1
                except Exception as error:
                    _LOGGER.debug("%s failed", name, exc_info=True)
                    said = explain(error, command=True)
                    self.failed.append(name)
                    say(f"napari-osuda: {said if total == 1 else f'{name}: {said}'}", file=sys.stderr)
        finally:
            if total > 1 and (self.failed or not self.quiet):
                say(self._summary(total), file=sys.stderr)
        return FAILED if self.failed else DONE

    def _summary(self, total: int) -> str:
        parts = [f"{self.done} of {total} cases {self.verb}"]
        if self.skipped:
            parts.append(f"{self.skipped} skipped")
        if self.failed:
            shown = ", ".join(self.failed[:10]) + (", ..." if len(self.failed) > 10 else "")
            parts.append(f"{len(self.failed)} failed ({shown})")
        left = total - self.done - self.skipped - len(self.failed)
        if left:
            parts.append(f"{left} not tried")
        return "; ".join(parts) + "."
