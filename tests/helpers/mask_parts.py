"""Small masks for the tools: any labels, and a disk."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

SPACING = (1.0, 2.0, 3.0)
labels_2d, labels_3d = (
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=n, max_dims=n, max_side=side), elements=st.integers(0, 3))
    for n, side in ((2, 9), (3, 6))
)


def disk(radius: float, size: int = 21) -> np.ndarray:
    y, x = np.ogrid[:size, :size]
    return (y - size // 2) ** 2 + (x - size // 2) ** 2 <= radius**2
