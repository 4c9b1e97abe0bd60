"""OSUDA: Monitor, the live plots of a run."""

from __future__ import annotations

import time
from html import escape
from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QResizeEvent, QShowEvent
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout

from napari_osuda.napari_layers.soon import soon
from napari_osuda.widgets.cockpit.docked import DockedWidget
from napari_osuda.widgets.cockpit.history import RunHistory
from napari_osuda.widgets.help import HelpButton
from napari_osuda.widgets.monitor.activations import Activations
from napari_osuda.widgets.monitor.channel_map import ChannelMap
from napari_osuda.widgets.monitor.course import read_course
from napari_osuda.widgets.monitor.curve_panels import (
    ClassPanel,
    EntropyPanel,
    LayerPanel,
    LossPanel,
    SchedulePanel,
)
from napari_osuda.widgets.monitor.curves import LinePanel
from napari_osuda.widgets.monitor.distribution import DistributionPanel
from napari_osuda.widgets.monitor.intensity import IntensityPanel
from napari_osuda.widgets.monitor.maps import AlphaMap, DistanceMap
from napari_osuda.widgets.monitor.pinned import PinnedPanel
from napari_osuda.widgets.monitor.plot import PlotPanel
from napari_osuda.widgets.monitor.timeline_panel import TimelinePanel
from napari_osuda.widgets.monitor.words import course_headline, course_words, verdict_words
from napari_osuda.widgets.qt.column import Column, scrolled
from napari_osuda.widgets.qt.theme import Palette
from napari_osuda.widgets.qt.window import below_or_shared
from napari_osuda.widgets.qt.words import NoteLabel, WrappedLabel

__all__ = ["MonitorWidget"]

# At most ten pictures a second, however fast the steps come.
_INTERVAL_MS = 100
# And at most this share of the window's time, so that a run does not wait for its pictures where drawing is
# slow: without a graphics card the whole window is put together anew for each, on every core there is, which
# takes several times what the window's own thread does. But whoever watches is never left behind for longer
# than this, in seconds.
_SHARE, _RESTS_AT_MOST = 0.025, 0.2
# Who scrolls through the slices looks at them: the plots stand still for so many seconds after each slice,
# but no iteration waits for longer than that, however many slices follow each other.
_SCROLLING, _SCROLLING_AT_MOST = 0.2, 0.35
# Plots stand side by side where each can have this width.
_COLUMN_PIXELS = 340


class MonitorWidget(DockedWidget):
    """Losses, schedules, class fractions and the maps of d and alpha, while a run goes on and after it.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Whose run is shown.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.setWindowTitle("OSUDA: Monitor")
        colors = self.colors()
        self.panels: dict[str, PlotPanel] = {
            "losses": LossPanel(colors),
            "intensity": IntensityPanel(colors),
            "schedules": SchedulePanel(colors),
            "entropy": EntropyPanel(colors),
            "distance": DistanceMap(colors),
            "alpha": AlphaMap(colors),
            "distribution": DistributionPanel(colors),
            "classes": ClassPanel(colors),
            "layers": LayerPanel(colors),
        }
        self.maps = [panel for panel in self.panels.values() if isinstance(panel, ChannelMap)]
        self.pinned = PinnedPanel(colors)
        self.timeline = TimelinePanel(napari_viewer, self.cockpit)
        self.activations = Activations(napari_viewer, self.cockpit, self)
        self.course = WrappedLabel()
        self.course.setToolTip(
            "Mean of the first iterations → mean of the last. Foreground: pixels with any label. "
            "Distance: eq. 5, over all channels."
        )
        self.note = NoteLabel()
        self.empty = QLabel("No run yet. Start one in <b>OSUDA: Adapt</b>.")
        self.empty.setWordWrap(True)
        # Columns, and the plots in their order.
        self._arranged: tuple[int, list[PlotPanel]] = (0, [])
        self._placed = self._over = False
        # What has been drawn: a plot that was out of sight catches up when it is seen again.
        self._drawn: dict[str, int] = {}
        self._rests_until = 0.0
        # What the window's thread had worked when the plots were drawn last, until that is reckoned up.
        self._drawn_at: float | None = None
        # Since when the plots have stood still for someone who scrolls.
        self._scrolling_since: float | None = None
        self._lay_out()
        self._arrange()
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self._on_time)
        self._connect()
        self.show_history(self.cockpit.history)
        self._timer.start()

    def _lay_out(self) -> None:
        inside = Column()
        column = QVBoxLayout(inside)
        column.setContentsMargins(4, 4, 4, 4)
        column.addWidget(self.pinned)
        self._grid = QGridLayout()
        column.addLayout(self._grid)
        column.addStretch(1)
        self.scroller = scrolled(inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        # What goes with the picture stays in sight, wherever the plots are scrolled to.
        top = QHBoxLayout()
        top.setContentsMargins(4, 0, 4, 0)
        top.addWidget(self.empty, 1)
        top.addWidget(self.course, 1)
        top.addWidget(HelpButton("monitor"))
        layout.addLayout(top)
        for widget in (self.timeline, self.note):
            layout.addWidget(widget)
        layout.addWidget(self.scroller, 1)

    def _connect(self) -> None:
        self.viewer.dims.events.current_step.connect(self._on_scrolling)
        self.cockpit.began.connect(self.show_history)
        self.cockpit.ended.connect(self._on_ended)
        self.cockpit.left.connect(self._on_left)
        self.timeline.chosen.connect(self._go_to)
        self.activations.message.connect(self.note.tell)
        for panel in self.maps:
            panel.picked.connect(self.pin)

    def show_history(self, history: RunHistory | None) -> None:
        """Show another run, or none."""
        self._drawn.clear()
        # A run that has ended may be opened with this panel.
        self._over = self.cockpit.result is not None
        self.empty.setVisible(history is None)
        for panel in self._plots():
            panel.show_history(history)
        self._arrange()
        self._show_course()
        self.timeline.begin()
        self.activations.begin()

    def pin(self, n: int) -> None:
        """Pin a channel of all N: its curve, and what it responds to on the image; or take it away."""
        pinned = self.pinned.toggle(n)
        left = self.pinned.pinned
        self.activations.show_channel(n if pinned else left[-1] if left else None)

    def refresh(self) -> bool:
        """Redraw the plots that are in sight and behind; whether there were any."""
        history, any_drawn = self.cockpit.history, False
        self.timeline.refresh()
        if history is None:
            return False
        if self._drawn.get("course") != len(history):
            self._drawn["course"] = len(history)
            self._show_course()
        for name, panel in (*self.panels.items(), ("pinned", self.pinned)):
            behind = self._drawn.get(name) != len(history)
            if behind and panel.isVisible() and not panel.visibleRegion().isEmpty():
                self._drawn[name] = len(history)
                panel.refresh()
                any_drawn = True
        return any_drawn

    def _show_course(self) -> None:
        history = self.cockpit.history
        reading = None if history is None else read_course(history)
        self.course.setVisible(reading is not None)
        if reading is not None:
            mark, hue, word = course_headline(reading.course, over=self._over)
            result = self.cockpit.result
            advice = None if result is None else result.recommendation
            verdict = None if advice is None else verdict_words(advice.decision, advice.removed)
            said = f"<b>{word}</b>: {course_words(reading)}"
            if verdict is not None:
                # A tick for the training beside it would be taken for the opposite.
                mark, hue, recommended = verdict
                said = f"<b>{recommended}</b>. Training: {word.lower()}; {course_words(reading)}"
            color, case = getattr(self.colors(), hue), escape(self.cockpit.case)
            self.course.setText(
                f"<span style='color: {color}'>{mark}</span> {said}" + (f" ({case})" if case else "")
            )

    def _on_time(self) -> None:
        if self._drawn_at is not None:
            # By now the window has painted what was drawn, which takes longer than drawing it.
            self._rest(time.thread_time() - self._drawn_at)
            self._drawn_at = None
        began = time.thread_time()
        if time.monotonic() >= self._rests_until and self.refresh():
            self._drawn_at, self._scrolling_since = began, None

    def _rest(self, took: float) -> None:
        if self.cockpit.busy:
            self._rests_until = time.monotonic() + min(took * (1 / _SHARE - 1), _RESTS_AT_MOST)

    def _on_scrolling(self, _: object = None) -> None:
        now = time.monotonic()
        if self._scrolling_since is None:
            self._scrolling_since = now
        until = min(now + _SCROLLING, self._scrolling_since + _SCROLLING_AT_MOST)
        self._rests_until = max(self._rests_until, until)

    def set_colors(self, colors: Palette) -> None:
        """Follow napari's theme."""
        for panel in self._plots():
            panel.set_colors(colors)
        self._show_course()

    def tear_down(self) -> None:
        """Stop the timer and listen no more."""
        self._timer.stop()
        self.viewer.dims.events.current_step.disconnect(self._on_scrolling)
        self.cockpit.began.disconnect(self.show_history)
        self.cockpit.ended.disconnect(self._on_ended)
        self.cockpit.left.disconnect(self._on_left)
        self.timeline.close_down()
        self.activations.close_down()

    def _plots(self) -> list[PlotPanel]:
        return [*self.panels.values(), self.pinned]

    def _on_ended(self, _: object) -> None:
        self._rests_until, self._over = 0.0, True
        self._show_course()
        self.timeline.refresh()
        self.activations.go_to(self.timeline.iteration)

    def _on_left(self) -> None:
        """The run's images are gone: its curves stay, but there is nothing to go back to."""
        self.timeline.leave()
        self.activations.leave()

    def _go_to(self, iteration: int | None) -> None:
        """Show one iteration in all plots, or the run as it goes on."""
        history = self.cockpit.history
        row = None if iteration is None or history is None else min(iteration, len(history)) - 1
        for panel in self._plots():
            if isinstance(panel, LinePanel):
                panel.mark(row)
            elif isinstance(panel, ChannelMap | DistributionPanel):
                panel.show_row(-1 if row is None else row)
        self.activations.go_to(iteration)

    def showEvent(self, event: QShowEvent) -> None:
        """Find a place in the window, once."""
        super().showEvent(event)
        if not self._placed:
            self._placed = True
            soon(self, lambda: None if self._ended else below_or_shared(self))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As many columns as there is room for."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        columns = min(max(self.width() // _COLUMN_PIXELS, 1), len(self.panels))
        # What has nothing to show for this run comes last, out of sight.
        panels = sorted(self.panels.values(), key=lambda panel: not panel.wanted)
        if (columns, panels) == self._arranged:
            return
        self._arranged = (columns, panels)
        for index, panel in enumerate(panels):
            cell = (index // columns, index % columns)
            # Beside a higher one a plot stays as high as it is.
            self._grid.addWidget(panel, *cell, Qt.AlignmentFlag.AlignTop)
            panel.setHidden(not panel.wanted)
        for column in range(len(self.panels)):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
