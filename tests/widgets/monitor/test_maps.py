from __future__ import annotations

import numpy as np
import pytest
from monitor_parts import shown, told


def test_a_logarithmic_scale_has_its_values_at_the_bar(monitor, reported):
    history = told(monitor, reported)
    for name, middle in (("distance", None), ("alpha", 1.0)):
        panel = monitor.panels[name]
        panel.scale.setCurrentIndex(1)
        picture = shown(history, name)
        np.testing.assert_allclose(
            panel.image.image, np.log(np.maximum(picture, panel.floor)), rtol=1e-5, atol=1e-6
        )
        low, mid, high = panel.bar.values
        np.testing.assert_allclose(np.log([low, high]), panel.image.levels, rtol=1e-6, atol=1e-9)
        assert mid == pytest.approx(middle or np.sqrt(low * high))
