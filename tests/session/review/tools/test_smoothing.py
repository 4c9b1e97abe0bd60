from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from mask_parts import SPACING, disk, labels_2d, labels_3d

from napari_osuda.session.review.tools.smoothing import smooth


@settings(deadline=None, max_examples=40)
@given(labels_2d | labels_3d, st.floats(0.1, 3), st.sampled_from([None, 1, 2]))
def test_smoothing_invents_no_label_and_one_label_alone_changes_only_its_own_outline(labels, sigma, label):
    spacing = SPACING[: labels.ndim]
    smoothed = smooth(labels, spacing, sigma, label)
    assert set(np.unique(smoothed)) <= set(np.unique(labels))
    if label is not None:
        changed = smoothed != labels
        assert ((smoothed[changed] == label) | (labels[changed] == label)).all()
    np.testing.assert_array_equal(smooth(labels, spacing, 0.0, label), labels)


def test_smoothing_takes_a_spike_and_keeps_a_disk():
    labels = np.where(disk(8), 1, 0).astype(np.uint8)
    spiked = labels.copy()
    spiked[10, 18:21] = 1
    smoothed = smooth(spiked, (1, 1), 1.5)
    assert not smoothed[10, 20]
    assert abs(int(smoothed.sum()) - int(labels.sum())) < 0.05 * labels.sum()
