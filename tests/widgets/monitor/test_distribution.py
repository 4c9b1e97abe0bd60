from __future__ import annotations

import numpy as np
import pytest
from monitor_parts import told


def test_boxes_hold_the_middle_half_of_a_layers_channels(monitor, reported):
    history = told(monitor, reported)
    panel = monitor.panels["distribution"]
    layer = history.layers[2]
    d = history["distance"][-1, layer.offset : layer.offset + layer.channels]
    np.testing.assert_allclose(panel.quantiles()[:, 2], np.quantile(d, (0.05, 0.25, 0.5, 0.75, 0.95)))
    assert panel.boxes.opts["y0"][2] == pytest.approx(np.quantile(d, 0.25))
    panel.point_at(3.1, 0)
    assert layer.name in panel.legend.text()
