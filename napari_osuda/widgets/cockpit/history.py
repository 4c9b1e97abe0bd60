"""All that a run has told so far, as arrays that plots can take slices of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_osuda.method import NormLayer, StepReport
    from napari_osuda.session.events import IntensityChange

__all__ = ["SCALARS", "VECTORS", "RunHistory"]

SCALARS = ("t", "eta", "lam", "l_hbs", "l_se", "loss", "seconds")
VECTORS = ("distance", "alpha", "gamma_shift", "beta_shift")


class RunHistory:
    """The step reports of one run, column by column.

    Parameters
    ----------
    layers : sequence of NormLayer
        The L layers of N channels in all.
    classes : sequence of (int, str, str)
        Value, name and color of each of the K output channels.
    iterations : int
        How many steps are expected; more are taken as well.
    intensities : sequence of IntensityChange
        What becomes of each channel before the network sees it; none where nothing is converted.

    Notes
    -----
    2,000 iterations of 2,000 channels are 68 MB.
    """

    def __init__(
        self,
        layers: Sequence[NormLayer],
        classes: Sequence[tuple[int, str, str]],
        iterations: int,
        intensities: Sequence[IntensityChange] = (),
    ) -> None:
        self.layers = tuple(layers)
        self.classes = tuple(classes)
        self.iterations = iterations
        self.intensities = tuple(intensities)
        self.channels = sum(layer.channels for layer in layers)
        self._offsets = np.array([layer.offset for layer in layers], dtype=np.intp)
        self._counts = np.array([layer.channels for layer in layers], dtype=np.float32)
        self._length = 0
        self._columns: dict[str, npt.NDArray[Any]] = {}
        room = max(iterations, 1)
        for name in SCALARS:
            self._columns[name] = np.empty(room, np.float32)
        for name in VECTORS:
            self._columns[name] = np.empty((room, self.channels), np.float32)
        self._columns["class_fractions"] = np.empty((room, len(self.classes)), np.float32)
        self._columns["layer_distance"] = np.empty((room, len(self.layers)), np.float32)
        self._columns["dead"] = np.zeros((room, self.channels), np.bool_)

    def __len__(self) -> int:
        return self._length

    def add(self, report: StepReport) -> None:
        """Take in one more step."""
        row = self._length
        if row == len(self._columns["t"]):
            self._columns = {
                name: np.concatenate([column, np.zeros_like(column)])
                for name, column in self._columns.items()
            }
        for name in (*SCALARS, *VECTORS, "class_fractions"):
            self._columns[name][row] = getattr(report, name)
        if len(report.dead):
            self._columns["dead"][row] = report.dead
        sums = np.add.reduceat(report.distance, self._offsets)
        self._columns["layer_distance"][row] = sums / self._counts
        self._length = row + 1

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """A view of one column of n steps.

        [n] of `SCALARS`, [n, N] of `VECTORS`, [n, K] of ``class_fractions``, [n, L] of ``layer_distance``
        (the mean of d over the layer's channels), [n, N] of ``dead`` (bool).
        """
        return self._columns[name][: self._length]
