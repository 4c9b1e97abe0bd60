from __future__ import annotations

import numpy as np
import pytest

from napari_osuda.simulation.tumour import plan_tumour


@pytest.mark.parametrize("grade", ["high", "low"])
@pytest.mark.parametrize("seed", range(20))
def test_a_plan_stays_within_what_is_seen(grade, seed):
    plan = plan_tumour(np.random.default_rng(seed), grade)
    assert plan.grade == grade
    assert 4 <= plan.volume <= 180
    assert 0 < plan.core < 1
    assert 0 <= plan.necrotic <= 0.6
    assert 0 <= plan.non_enhancing <= 1
    core_ml = 4 / 3 * np.pi * plan.radius**3 / 1000
    assert core_ml == pytest.approx(plan.volume * plan.core)


def test_low_grades_have_no_necrosis_and_hardly_enhance():
    plans = [plan_tumour(np.random.default_rng(seed), "low") for seed in range(200)]
    assert all(plan.necrotic == 0 and plan.non_enhancing >= 0.94 for plan in plans)
    spots = np.mean([plan.non_enhancing < 1 for plan in plans])
    assert 0.1 < spots < 0.3


def test_a_seed_gives_the_same_plan():
    first, again = (plan_tumour(np.random.default_rng(7), "high") for _ in range(2))
    assert (first.volume, first.core) == (again.volume, again.core)
    for one, other in zip(first.centres, again.centres, strict=True):
        np.testing.assert_array_equal(one, other)
