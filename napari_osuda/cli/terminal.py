"""A run on the terminal: progress, Ctrl-C as an early end, and the lines at the end."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from napari_osuda.cli.printing import say

if TYPE_CHECKING:
    from napari_osuda.method.computing.distributed import Processes
    from napari_osuda.session import RunResult

__all__ = ["DONE", "FAILED", "INTERRUPTED", "WRONG_USAGE", "run_on_terminal", "summary"]

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def run_on_terminal(
    *args: Any, quiet: bool, bars: bool = True, processes: Processes | None = None, **kwargs: Any
) -> RunResult:
    """:func:`napari_osuda.adapt_case` with progress on the terminal and Ctrl-C as an early end.

    Without ``bars``, lines stand where bars would (a log goes to the same terminal). A second Ctrl-C ends the
    program at once; the run can then be resumed from its last checkpoint.
    """
    from napari_osuda.cli.progress import TerminalProgress
    from napari_osuda.method.computing.distributed import ALONE
    from napari_osuda.session.api import make_job
    from napari_osuda.session.events import Finished
    from napari_osuda.session.run.run import Run
    from napari_osuda.session.run_folder.checkpoint import saved_states

    run = Run(make_job(*args, **kwargs), processes=processes or ALONE)
    out = run.job.out
    result: RunResult | None = None
    with (
        TerminalProgress(quiet=quiet, bars=bars) as progress,
        _ctrl_c(run.stop),
        closing(iter(run)) as events,
    ):
        try:
            for event in events:
                progress.show(event)
                if isinstance(event, Finished):
                    result = event.result
        except KeyboardInterrupt:
            if out is not None and saved_states(out):
                say(f"The run in {out} can be resumed with --resume.", file=sys.stderr)
            raise
    assert result is not None
    return result


@contextmanager
def _ctrl_c(stop: Callable[[], None]) -> Iterator[None]:
    def first(signum: int, frame: Any) -> None:
        stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        say("\nStopping after this step. Press Ctrl-C again to leave at once.", file=sys.stderr)

    before = signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def summary(result: RunResult) -> Iterable[str]:
    """What a person wants to know at the end, line by line."""
    from napari_osuda.session.guard.wording import headline, reasons_in_words

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
            advice = case.recommendation
            said = headline(advice.decision, advice.removed)
            yield f"{case.case.name}: {said}. {' '.join(reasons_in_words(case.recommendation))}"
    if result.folder is not None and result.folder.is_dir():
        yield f"Run folder: {result.folder}"
