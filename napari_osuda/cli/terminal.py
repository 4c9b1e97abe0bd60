"""A run on the terminal: progress, Ctrl-C as an early end, and the lines at the end."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_osuda.session import RunResult

__all__ = ["DONE", "FAILED", "INTERRUPTED", "WRONG_USAGE", "run_on_terminal", "summary"]

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def run_on_terminal(*args: Any, quiet: bool, **kwargs: Any) -> RunResult:
    """:func:`napari_osuda.adapt_case` with progress on the terminal and Ctrl-C as an early end.

    A second Ctrl-C ends the program at once; the run can then be resumed from its last checkpoint.
    """
    from napari_osuda.cli.progress import TerminalProgress
    from napari_osuda.session.api import make_job
    from napari_osuda.session.events import Finished
    from napari_osuda.session.run.run import Run

    run = Run(make_job(*args, **kwargs))
    result: RunResult | None = None
    with TerminalProgress(quiet=quiet) as progress, _ctrl_c(run.stop):
        for event in run:
            progress.show(event)
            if isinstance(event, Finished):
                result = event.result
    assert result is not None
    return result


@contextmanager
def _ctrl_c(stop: Callable[[], None]) -> Iterator[None]:
    def first(signum: int, frame: Any) -> None:
        stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        print("\nStopping after this step; Ctrl-C again to leave at once.", file=sys.stderr, flush=True)

    before = signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def summary(result: RunResult) -> Iterable[str]:
    """What a person wants to know at the end, line by line."""
    from napari_osuda.session.guard.wording import DECISIONS, said

    for case in result.cases:
        for before, after in zip(case.scores_before, case.scores_after, strict=False):
            worse = "  <- worse" if after.dice < before.dice - 0.005 else ""
            change = f"{before.dice:.3f} before, {after.dice:.3f} after{worse}"
            yield f"{case.case.name}: Dice of {before.region} {change}"
        first, last = case.calibration_before, case.calibration_after
        if first is not None and last is not None:
            yield (
                f"{case.case.name}: calibration error (ECE) {first.ece:.3f} before, {last.ece:.3f} after; "
                f"Brier score {first.brier:.3f} before, {last.brier:.3f} after (0 is best)"
            )
        if case.recommendation is not None:
            verdict = DECISIONS[case.recommendation.decision]
            yield f"{case.case.name}: {verdict}. {' '.join(said(case.recommendation))}"
    if result.folder is not None:
        yield f"Run folder: {result.folder}"
