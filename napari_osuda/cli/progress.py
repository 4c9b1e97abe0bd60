"""A run's progress on a terminal: a bar where there is one to draw on, plain lines where there is not."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any

from napari_osuda.cli.printing import say
from napari_osuda.errors import printable
from napari_osuda.session.events import Event, Note, Progress, Started, Step

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["TerminalProgress"]

_STAGES = {
    "before": "Segmenting with the source model",
    "adapt": "Adapting",
    "statistics": "Gathering the target's statistics",
    "after": "Segmenting with the adapted model",
    "guard": "Comparing the two",
    "writing": "Writing the run folder",
}


class TerminalProgress:
    """Shows events on stderr; nothing at all when ``quiet``, and lines only without ``bars``."""

    def __init__(self, *, quiet: bool = False, bars: bool = True) -> None:
        self.quiet = quiet
        self._bars = bars and sys.stderr.isatty() and not quiet
        self._bar: tqdm[Any] | None = None
        self._stage = ""

    def __enter__(self) -> TerminalProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._close()

    def show(self, event: Event) -> None:
        """Show an event if there is something in it to show."""
        if self.quiet:
            return
        if isinstance(event, Started):
            channels = sum(layer.channels for layer in event.layers)
            self._print(f"{len(event.layers)} BatchNorm layers with {channels} channels, on {event.device}.")
        elif isinstance(event, Note):
            self._print(event.text)
        elif isinstance(event, Progress):
            self._advance(event)
        elif isinstance(event, Step):
            report = event.report
            figures = (
                f"L_HBS {report.l_hbs:.3f}  L_SE {report.l_se:.4f} nats  mean d {report.distance.mean():.3f}"
            )
            if self._bar is not None and self._stage == "adapt":
                self._bar.set_postfix_str(figures, refresh=False)
            elif not self._bars and report.t % 10 == 0:
                self._print(f"  t = {report.t}: {figures}")

    def _advance(self, event: Progress) -> None:
        if event.stage != self._stage:
            self._close()
            self._stage = event.stage
            if self._bars:
                from tqdm import tqdm

                self._bar = tqdm(total=event.total, desc=_STAGES[event.stage], file=sys.stderr, leave=True)
            else:
                self._print(f"{_STAGES[event.stage]} ...")
        if self._bar is not None:
            self._bar.update(event.done - self._bar.n)

    def _print(self, text: str) -> None:
        if self._bars:
            from tqdm import tqdm

            tqdm.write(printable(text, kept="\n\t"), file=sys.stderr)
        else:
            say(text, file=sys.stderr)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
