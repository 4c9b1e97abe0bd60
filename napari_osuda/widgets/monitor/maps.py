"""The maps of d_lc and alpha_lc."""

from __future__ import annotations

import numpy as np

from napari_osuda.widgets.monitor.channel_map import ChannelMap


class DistanceMap(ChannelMap):
    """d_lc of eq. 5."""

    title_text = "Distance d"
    meaning = (
        "How far each channel's statistics on this scan are from those stored in the source model (eq. 5). "
        "0: as in training. Click a channel to pin it and to show on the image what it responds to. "
        "× marks dead channels."
    )
    column = "distance"

    def deviation(self, values: np.ndarray) -> float:
        """The largest distance."""
        return float(values.max())

    def levels(self, peak: float) -> tuple[float, float]:
        """From 0 on."""
        return 0.0, max(peak, 1e-6)


class AlphaMap(ChannelMap):
    """alpha_lc, the transferability."""

    title_text = "Transferability α"
    meaning = (
        "How strongly each channel's γ and β are kept near those of the source model (eqs. 4 and 5). The "
        "mean is 1; channels that fit this scan have more, others less. Click a channel to pin it."
    )
    column = "alpha"
    map_name = "CET-CBD1"
    floor = 1e-2

    def deviation(self, values: np.ndarray) -> float:
        """The largest deviation from 1."""
        return float(np.abs(values - 1.0).max())

    def levels(self, peak: float) -> tuple[float, float]:
        """As far below 1 as above it, in difference or in ratio: the middle color is the mean."""
        half = max(peak, 1e-3)
        if self.scale.currentIndex():
            return max(1.0 / (1.0 + half), self.floor), min(1.0 + half, 1.0 / self.floor)
        return 1.0 - half, 1.0 + half
