"""How the viewer feels while a run goes on: ``python benchmarks/responsiveness.py``, on a display.

A case of four channels, 155 slices of 240 x 240, is adapted in napari with the panels Adapt and Monitor open,
several times in the same viewer. Printed against what is asked of them: gaps between GUI events, time from an
iteration to its plots and from a slider's move to the drawn slice, what the monitor and the live preview cost
the run, the time to a preview of a past iteration, how often the monitor draws, and memory.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import itertools
import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

# Where the display is drawn by software, torch's compiler has to be there before it.
import torch._dynamo  # noqa: F401
from qtpy.QtCore import QSettings, QTimer
from qtpy.QtWidgets import QApplication

from napari_osuda.imaging import Grid
from napari_osuda.imaging.world import layer_arguments
from napari_osuda.simulation.shipped import sample_models

# Iterations with the monitor, then as many without it, and so on.
_BLOCK = 6
MODEL = "glioma-four-contrasts"
SHAPE = (155, 240, 240)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=36)
    parser.add_argument("--threads", type=int, default=1, help="torch's; the window needs a core (default 1)")
    parser.add_argument("--why", type=float, help="tell what held up the window for more than so many ms")
    options = parser.parse_args()
    if options.why:
        threading.Thread(target=tell_why, args=(options.why / 1000,), daemon=True).start()
    print(f"{os.cpu_count()} cores, torch on {options.threads}, {options.runs} runs of {options.iterations}")
    print(f"load of the machine before: {os.getloadavg()[0]:.1f}")
    row("history of 2,000 iterations x 2,000 channels", history_megabytes(), "MB", 100)
    with tempfile.TemporaryDirectory() as folder:
        QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, f"{folder}/settings")
        bench = Bench(Path(folder), options.iterations, options.threads)
        bench.measure(options.runs)


class Bench:
    """A viewer with the case in it, and the runs in it."""

    def __init__(self, folder: Path, iterations: int, threads: int) -> None:
        import napari

        self.viewer = napari.Viewer(show=True)
        self.viewer.window.resize(1280, 800)
        for name, data in channels().items():
            grid = Grid((240, 240, 155), np.diag([1.0, 1.0, 1.0, 1.0]))
            arguments = layer_arguments(grid)
            self.viewer.add_image(data, name=name, **arguments)
        _, self.adapt = self.viewer.window.add_plugin_dock_widget("napari-osuda", "OSUDA: Adapt")
        self.adapt.folder_panel.set_parent_folder(folder)
        self.adapt.choose_model(sample_models()[MODEL])
        until(lambda: self.adapt.model_panel.model is not None)
        self.adapt.settings_panel.set_values(iterations=iterations, threads=threads)
        _, self.monitor = self.viewer.window.add_plugin_dock_widget("napari-osuda", "OSUDA: Monitor")
        settle(0.5)
        self.draws, self.previewing = 0, 0.0
        self.steps: list[tuple[float, bool]] = []
        refresh = self.monitor.panels["losses"].refresh

        def counted() -> None:
            self.draws += 1
            refresh()

        self.monitor.panels["losses"].refresh = counted
        self.lags: list[float] = []
        self.plotted = 0
        draw = self.monitor.refresh

        def drawn() -> bool:
            done = draw()
            history = self.adapt.cockpit.history
            if done and history is not None:
                # Two timers later what was drawn has been painted.
                count = len(history)
                QTimer.singleShot(1, lambda: QTimer.singleShot(1, lambda: self.on_plots(count)))
            return done

        self.monitor.refresh = drawn
        controller = self.adapt.cockpit.controller
        # On the run's own thread: what the window does is not in it, but what it takes from the run is.
        controller.stepped.connect(lambda event: self.steps.append((time.monotonic(), self.watched)))
        controller.previewed.connect(self.on_preview)
        self.watched = True

    def on_preview(self, preview: Any) -> None:
        """Add up what the previews take."""
        self.previewing += preview.seconds

    def on_plots(self, count: int) -> None:
        """Note how old the iterations are that are plotted by now."""
        now = time.monotonic()
        self.lags += [now - told for told, watched in self.steps[self.plotted : count] if watched]
        self.plotted = max(self.plotted, count)

    def measure(self, runs: int) -> None:
        """All figures."""
        memory: list[float] = []
        gaps: list[float] = []
        scrolls: list[float] = []
        ratios: list[float] = []
        shares, rates = [], []
        alone = self.scroll()
        for number in range(runs):
            self.steps.clear()
            self.plotted = 0
            self.draws, self.previewing, began = 0, 0.0, time.monotonic()
            with ticking(gaps):
                self.adapt.adapt()
                until(lambda: self.adapt.run_panel.state == "running")
                # Nobody scrolls in the first two thirds, in which the monitor comes and goes.
                self.come_and_go(2 * self.adapt.settings_panel.config().iterations // 3)
            seconds = self.steps[-1][0] - self.steps[0][0]
            rates.append(self.draws / seconds)
            shares.append(self.previewing / seconds)
            ratios += watched_to_not(self.steps)
            self.watch(True)
            scrolls += self.scroll()
            with ticking(gaps):
                until(lambda: self.adapt.run_panel.state in ("done", "failed", "stopped"))
            assert self.adapt.run_panel.state == "done", self.adapt.run_panel.label.text()
            settle(0.5)
            memory.append(resident_megabytes())
            print(
                f"    run {number + 1}: {time.monotonic() - began:.0f} s, {memory[-1]:.0f} MB, "
                f"load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
        row("gap between GUI events, p95", 1000 * float(np.percentile(gaps, 95)), "ms", 50)
        row("gap between GUI events, maximum", 1000 * max(gaps), "ms", 250)
        row("from an iteration to its plots, p95", 1000 * float(np.percentile(self.lags, 95)), "ms", 500)
        row("from the slider to the drawn slice, p95", 1000 * float(np.percentile(scrolls, 95)), "ms", 120)
        print(
            f"    before any run, without masks: {1000 * float(np.percentile(alone, 95)):.1f} ms; medians "
            f"{1000 * float(np.median(scrolls)):.1f} ms and {1000 * float(np.median(alone)):.1f} ms"
        )
        if ratios:
            low, middle, high = 100 * (np.percentile(ratios, (25, 50, 75)) - 1)
            row("the run slowed down by the open monitor", float(middle), "%", 10)
            print(f"    of {len(ratios)} comparisons, half between {low:.1f} and {high:.1f} %")
        else:
            print("the run slowed down by the open monitor: too few iterations to tell")
        row("the live preview's share of the run", 100 * max(shares), "%", 5)
        row("draws of the monitor a second", max(rates), "", 10)
        row("preview of a past iteration, slowest", 1000 * self.slowest_preview(), "ms", 500)
        if runs > 2:
            row(f"memory from run 2 to run {runs}", memory[-1] - memory[1], "MB", 50)
        self.viewer.close()

    def come_and_go(self, steps: int) -> None:
        """Let the monitor draw and not draw in turns: a drift of the machine's speed hits both."""
        until(lambda: len(self.steps) > 0)
        while len(self.steps) < steps:
            self.watch(not self.watched)
            goal = min(len(self.steps) + _BLOCK, steps)
            until(lambda goal=goal: len(self.steps) >= goal)

    def watch(self, watched: bool) -> None:
        """Let the monitor draw, or not; hiding its dock would lay out the whole window anew."""
        if self.watched and not watched:
            # What was told while it drew is drawn by it: else that waits until it may draw again.
            until(lambda: self.plotted >= len(self.steps), seconds=20.0)
        self.watched = watched
        (self.monitor._timer.start if watched else self.monitor._timer.stop)()

    def scroll(self, times: int = 40) -> list[float]:
        """Seconds from each move of the slider to the drawn slice."""
        canvas = self.viewer.window._qt_viewer.canvas._scene_canvas
        drawn: list[float] = []
        # After all other listeners: when it comes, everything is drawn.
        canvas.events.draw.connect(lambda event: drawn.append(time.monotonic()), position="last")
        took = []
        for step in np.linspace(20, 135, times).astype(int):
            drawn.clear()
            began = time.monotonic()
            self.viewer.dims.set_current_step(0, int(step))
            until(lambda: bool(drawn), pause=0.0)
            took.append(time.monotonic() - began)
            settle(0.05)
        return took

    def slowest_preview(self) -> float:
        """Seconds from the slider to the mask of a past iteration, the slowest of three."""
        panel, found = self.monitor.timeline, []
        settle(0.3)
        for iteration in (panel._kept[0], panel._kept[len(panel._kept) // 2], panel._kept[-1]):
            panel.seconds = 0.0
            panel.go_to(iteration)
            until(lambda: panel.seconds > 0)
            found.append(panel.seconds)
        return max(found)


def watched_to_not(steps: list[tuple[float, bool]]) -> list[float]:
    """Time of an iteration with the monitor to that without, for each two neighboring blocks of a run.

    Neighbors, since the speed of a machine drifts; of each block the median, since now and then a preview
    comes in between.
    """
    blocks = [
        (watched, [time for time, _ in block]) for watched, block in itertools.groupby(steps, lambda s: s[1])
    ]
    paces = [(watched, float(np.median(np.diff(times)))) for watched, times in blocks if len(times) == _BLOCK]
    return [
        pace / other if watched else other / pace for (watched, pace), (_, other) in itertools.pairwise(paces)
    ]


def channels() -> dict[str, np.ndarray]:
    """Four channels of a round head with a bright spot, noisy, [S, A, R] float32."""
    rng = np.random.default_rng(0)
    s, a, r = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij", sparse=True)
    head = s**2 + (a / 0.8) ** 2 + (r / 0.65) ** 2 < 1
    spot = (s - 0.1) ** 2 + (a - 0.2) ** 2 + (r - 0.2) ** 2 < 0.06
    ventricles = s**2 + a**2 + (r / 0.4) ** 2 < 0.08
    return {
        f"case_{name}": np.where(
            head,
            100 + bright * spot + dark * ventricles + rng.normal(0, 8, SHAPE).astype(np.float32),
            0,
        ).astype(np.float32)
        for name, bright, dark in (("flair", 60, -50), ("t1", -20, -40), ("t1ce", 30, -40), ("t2", 50, 80))
    }


def history_megabytes() -> float:
    """Memory of a full history, touched throughout."""
    from napari_osuda.method import NormLayer, StepReport
    from napari_osuda.widgets.cockpit.history import RunHistory

    layers = [NormLayer(str(i), "BatchNorm2d", 100, 100 * i, True, 1e-5) for i in range(20)]
    before = resident_megabytes()
    history = RunHistory(layers, ((0, "background", "#000000"), (1, "tumor", "#e69f00")), 2000)
    row_of = np.ones(2000, np.float32)
    for t in range(2000):
        history.add(
            StepReport(t, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, row_of, row_of, row_of, row_of,
                       np.ones(2, np.float32), 0, 0.1, row_of > 2)
        )  # fmt: skip
    return resident_megabytes() - before


def resident_megabytes() -> float:
    """Memory of this process that is in RAM, without what the C library keeps for later (on Linux)."""
    import psutil

    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    return psutil.Process().memory_info().rss / 1e6


_TICK = [0.0]


def tell_why(most: float) -> None:
    """On a thread: what the window's thread and the run's are doing when the window has been held up."""
    main, told = threading.main_thread().ident, (0.0, 0.0)
    while True:
        time.sleep(0.02)
        held = time.monotonic() - _TICK[0]
        again = told[0] == _TICK[0]
        if _TICK[0] and held > (2 * told[1] if again else most):
            told = (_TICK[0], held)
            names = {thread.ident: thread.name for thread in threading.enumerate()}
            for ident, frame in sys._current_frames().items():
                if ident == main or names.get(ident) == "osuda-run":
                    places = traceback.extract_stack(frame)[-9:]
                    lines = [f"{Path(p.filename).name}:{p.lineno} {p.name}" for p in places]
                    print(f"  {1000 * held:.0f} ms, {names.get(ident)}: {' > '.join(lines)}", flush=True)


@contextmanager
def ticking(gaps: list[float]) -> Iterator[None]:
    """Note the time between the turns that a timer of 5 ms gets, as long as the block lasts."""
    last = [time.monotonic()]

    def tick() -> None:
        now = time.monotonic()
        gaps.append(now - last[0])
        last[0] = _TICK[0] = now

    timer = QTimer()
    timer.timeout.connect(tick)
    timer.start(5)
    yield
    timer.stop()
    _TICK[0] = 0.0


def until(done: Callable[[], bool], seconds: float = 1800.0, pause: float = 0.001) -> None:
    """Let the window live until something is so."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise TimeoutError("The window did not get there.")
        QApplication.processEvents()
        time.sleep(pause)


def settle(seconds: float) -> None:
    """Let everything that is under way be drawn."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.001)


def row(what: str, value: float, unit: str, most: float) -> None:
    """One line of the table."""
    print(
        f"{what:<48} {value:>8.1f} {unit:<3} (at most {most:g}) {'' if value <= most else '  TOO MUCH'}",
        flush=True,
    )


if __name__ == "__main__":
    main()
