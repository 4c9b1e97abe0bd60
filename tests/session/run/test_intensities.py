from __future__ import annotations

import numpy as np

from napari_osuda.imaging import Knots
from napari_osuda.method import preset
from napari_osuda.session import Started
from napari_osuda.session.api import make_job
from napari_osuda.session.run.intensities import intensity_changes
from napari_osuda.session.run.run import Run

SHORT = preset("osuda", iterations=1, batch_size=4)


def test_an_inverted_image_is_told_with_its_histogram(model, case):
    (change,) = intensity_changes(make_job(model, case, SHORT), ("inverted",))
    assert change.channel == "t2"
    np.testing.assert_allclose(change.share.sum(), 1, atol=0.02)
    # Bright becomes dark, about the mean of the head.
    np.testing.assert_allclose(change.now, -change.scores, atol=0.01)


def test_a_curve_is_told_with_what_it_began_from(model, case):
    curve = Knots((-2.0, 0.0, 2.0), (0.0, 1.0, 0.0))
    (change,) = intensity_changes(make_job(model, case, SHORT), (curve,))
    np.testing.assert_allclose(change.now, curve(change.scores))


def test_a_run_tells_it_before_its_first_iteration(model, case):
    for contrast, told in (("off", 0), ("inverted", 1)):
        events = iter(Run(make_job(model, case, SHORT.replace(contrast=contrast))))
        started = next(event for event in events if isinstance(event, Started))
        assert len(started.intensities) == told
