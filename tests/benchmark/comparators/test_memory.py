from __future__ import annotations

import torch

from napari_osuda.benchmark.comparators.memory import PeakMemory


def test_the_largest_memory_is_that_of_what_is_watched():
    peak = PeakMemory(torch.device("cpu"))
    before = peak.now()
    held = torch.ones(30_000_000)
    assert peak.now() > before + 50 or peak.now() != peak.now()
    del held
    peak.least = 1e9
    assert peak.now() == 1e9
