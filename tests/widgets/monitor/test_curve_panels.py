from __future__ import annotations

import numpy as np
from monitor_parts import told


def test_entropy_is_told_in_nats_and_as_a_share(monitor, reported):
    history = told(monitor, reported)
    panel = monitor.panels["entropy"]
    np.testing.assert_allclose(panel.curves[0].getData()[1], history["l_se"])
    np.testing.assert_allclose(panel.curves[1].getData()[1], history["l_se"] / np.log(3), rtol=1e-6)
