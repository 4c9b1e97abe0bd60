from __future__ import annotations

import numpy as np
from monitor_parts import told


def test_a_channel_is_pinned_and_taken_away_again(monitor, reported):
    told(monitor, reported)
    panel = monitor.pinned
    assert panel.isHidden()
    assert panel.toggle(3)
    assert not panel.isHidden()
    assert not panel.toggle(3)
    assert panel.isHidden()


def test_at_most_four_are_pinned_and_the_oldest_goes(monitor, reported):
    told(monitor, reported)
    panel = monitor.pinned
    for n in range(5):
        panel.toggle(n)
    assert panel.pinned == [1, 2, 3, 4]
    assert len({series.color for series in panel.series}) == 4


def test_the_chosen_quantity_is_drawn(monitor, reported):
    history = told(monitor, reported)
    panel = monitor.pinned
    panel.toggle(2)
    np.testing.assert_allclose(panel.curves[0].getData()[1], history["distance"][:, 2])
    panel.quantity.setCurrentText("Δγ")
    np.testing.assert_allclose(panel.curves[0].getData()[1], history["gamma_shift"][:, 2])


def test_another_run_begins_with_nothing_pinned(monitor, reported):
    told(monitor, reported)
    monitor.pinned.toggle(0)
    told(monitor, reported)
    assert monitor.pinned.pinned == []
    assert monitor.pinned.isHidden()
