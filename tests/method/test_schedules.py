from __future__ import annotations

import math

import pytest

from napari_osuda.method import AdaptationConfig, schedules


def test_schedules():
    config = AdaptationConfig(iterations=10, eta0=0.8, tau=1.0, lambda0=10.0)
    assert schedules.eta(0, config) == 0.8
    assert schedules.eta(5, config) == pytest.approx(0.8 * math.exp(-5))
    assert schedules.eta(3, config.replace(tau=4.0)) == pytest.approx(0.8 * math.exp(-0.75))
    assert schedules.lam(0, config) == 10.0
    assert schedules.lam(5, config) == 5.0
    assert schedules.lam(9, config) == pytest.approx(1.0)
    assert schedules.lam(3, config.replace(lambda_schedule="constant")) == 10.0
    assert schedules.lam(3, config.replace(entropy=False)) == 0.0


def test_the_weight_of_the_stored_statistics_follows_eta_or_the_momentum():
    config = AdaptationConfig(eta0=0.8, tau=2.0)
    assert schedules.source_share(3, config) == schedules.eta(3, config)
    moving = config.replace(statistics="momentum")
    assert schedules.source_share(3, moving) == 1.0 - schedules.momentum(3, moving)


def test_momentum_falls_towards_its_floor():
    config = AdaptationConfig(statistics="momentum", momentum=0.1, momentum_decay=0.5, momentum_floor=0.005)
    assert [schedules.momentum(t, config) for t in range(3)] == pytest.approx([0.055, 0.03, 0.0175])
