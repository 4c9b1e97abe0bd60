from __future__ import annotations

import numpy as np
import pytest

from napari_osuda.benchmark.sweeps.signals import GATHERED, signals_of

HEAD = np.ones((3, 20, 20), bool)


def square(at=5, edge=8):
    mask = np.zeros((3, 20, 20), np.float32)
    mask[:, at : at + edge, at : at + edge] = 1.0
    return mask


def test_a_sure_lesion_in_one_piece():
    p = square()
    image = p[:, None] * 4 + np.random.default_rng(0).normal(0, 0.1, (3, 1, 20, 20)).astype(np.float32)
    found = signals_of(p, image, p > 0.5, HEAD)
    assert (found.share, found.certainty) == (pytest.approx(64 / 400), pytest.approx(1.0))
    assert (found.mirror, found.coherence, found.largest) == (1.0, 1.0, 1.0)
    assert found.border > 2.0
    assert set(found.to_dict()) == set(GATHERED)


def test_doubt_pieces_and_slices_that_disagree_are_seen():
    p = 0.6 * square(0, 4) + 0.6 * square(10, 4)
    p[1] = 0.0
    found = signals_of(p.astype(np.float32), np.zeros((3, 1, 20, 20), np.float32), None, HEAD)
    assert found.certainty == pytest.approx(0.6, abs=1e-6)
    assert found.mirror == 1.0, "without a left and a right there is nothing to mirror"
    assert found.coherence == 0.0
    assert found.largest == pytest.approx(0.25)
    assert found.border == 0.0


def test_nothing_marked_is_no_contradiction():
    found = signals_of(np.zeros((3, 20, 20), np.float32), np.zeros((3, 1, 20, 20), np.float32), None, HEAD)
    assert (found.share, found.coherence, found.largest, found.border) == (0.0, 1.0, 1.0, 0.0)
