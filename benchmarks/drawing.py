"""CPU time of one drawing of the Monitor's plots: ``python benchmarks/drawing.py``; no display is needed.

All plots in a window of their own, without napari: what the data cost (``refresh``) and what painting costs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator

import numpy as np
from figures import Figure, run

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def plots(given: argparse.Namespace) -> Iterator[Figure]:
    """Each plot of a run of 40 iterations and 2,000 channels, drawn after each of the later ones."""
    from qtpy.QtWidgets import QApplication, QVBoxLayout, QWidget

    from napari_osuda.method import NormLayer, StepReport
    from napari_osuda.widgets.cockpit.history import RunHistory
    from napari_osuda.widgets.monitor import curve_panels, distribution, maps
    from napari_osuda.widgets.qt.theme import palette

    app = QApplication.instance() or QApplication([])
    rng, channels = np.random.default_rng(0), 2000
    layers = tuple(NormLayer(f"layer{k}", "BatchNorm2d", 100, 100 * k, True, 1e-5) for k in range(20))
    kinds = (
        curve_panels.LossPanel, curve_panels.SchedulePanel, curve_panels.EntropyPanel,
        curve_panels.ClassPanel, curve_panels.LayerPanel, distribution.DistributionPanel,
        maps.DistanceMap, maps.AlphaMap,
    )  # fmt: skip
    total = 0.0
    for kind in kinds:
        window = QWidget()
        panel = kind(palette("dark"))
        QVBoxLayout(window).addWidget(panel)
        window.resize(420, 300)
        window.show()
        history = RunHistory(layers, ((0, "background", "#000000"), (1, "lesion", "#e69f00")), 40)
        panel.show_history(history)
        data, paint = [], []
        for t in range(40):
            d = rng.random(channels).astype(np.float32)
            history.add(
                StepReport(t, 0.5, 1.0, 0.1, 0.2, 0.3, 0.0, d, d, d - 0.5, d - 0.5,
                           np.array([0.9, 0.1], np.float32), 0, 0.1, np.zeros(channels, bool))
            )  # fmt: skip
            began = time.process_time()
            panel.refresh()
            drawn = time.process_time()
            window.grab()
            app.processEvents()
            if t >= 10:
                data.append(drawn - began)
                paint.append(time.process_time() - drawn)
        ms = [1000 * statistics.median(times) for times in (data, paint)]
        print(f"{kind.__name__}: data {ms[0]:.2f} ms, painting {ms[1]:.2f} ms of CPU")
        total += sum(ms)
    yield Figure("drawing of all plots", total, None, "ms")


def main() -> int:
    """Measure, and print."""
    return run(__doc__ or "", {"plots": plots})


if __name__ == "__main__":
    sys.exit(main())
