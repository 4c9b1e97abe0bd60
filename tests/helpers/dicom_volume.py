"""The size and the affine of a small series."""

from __future__ import annotations

import numpy as np

SHAPE = (7, 5, 6)


AFFINE = np.array([[-0.9, 0, 0, 30], [0, -1.1, 0, 20], [0, 0, 3.0, -10], [0, 0, 0, 1]])
