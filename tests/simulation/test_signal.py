from __future__ import annotations

import math

import pytest

from napari_osuda.simulation.scanner import SCANNERS
from napari_osuda.simulation.signal import (
    RELAXIVITY,
    TISSUES,
    Sequence,
    gradient_echo,
    inversion_recovery,
    signal,
    spin_echo,
    with_contrast_agent,
)


def test_spin_echo_of_a_short_echo_time_is_the_textbook_formula() -> None:
    # With TE << TR the refocusing pulse does not matter: PD (1 - exp(-TR/T1)) exp(-TE/T2).
    expected = 0.7 * (1 - math.exp(-500 / 800)) * math.exp(-0.01 / 80)
    assert spin_echo(800, 80, 0.7, tr=500, te=0.01) == pytest.approx(expected, rel=1e-4)


def test_spin_echo_loses_what_recovers_before_the_refocusing_pulse() -> None:
    # By hand: inverted at TE/2, the magnetisation at TR is 1 - 2 exp(-(TR - TE/2)/T1) + exp(-TR/T1).
    expected = (1 - 2 * math.exp(-4.5) + math.exp(-5)) * math.exp(-1)
    assert spin_echo(100, 100, 1.0, tr=500, te=100) == pytest.approx(expected)


def test_inversion_at_the_null_point_leaves_nothing() -> None:
    t1, tr = 4000.0, 9000.0
    null = t1 * (math.log(2) - math.log1p(math.exp(-tr / t1)))
    assert inversion_recovery(t1, 1e9, 1.0, tr, te=0, ti=null) == pytest.approx(0, abs=1e-12)
    assert inversion_recovery(t1, 1e9, 1.0, tr, te=0, ti=0) == pytest.approx(1 - math.exp(-tr / t1))


def test_gradient_echo_is_largest_at_the_ernst_angle() -> None:
    ernst = math.degrees(math.acos(math.exp(-250 / 800)))
    best = gradient_echo(800, 80, 1, 250, 2, ernst)
    assert best > gradient_echo(800, 80, 1, 250, 2, ernst - 3)
    assert best > gradient_echo(800, 80, 1, 250, 2, ernst + 3)
    assert gradient_echo(800, 80, 1, 250, 0, 90) == pytest.approx(1 - math.exp(-250 / 800))


def test_contrast_agent_adds_to_the_relaxation_rate() -> None:
    assert with_contrast_agent(1000, 0, 1.5) == 1000
    rate = 1000 / with_contrast_agent(1000, 0.5, 3.0)
    assert rate == pytest.approx(1 + 0.5 * RELAXIVITY[3.0])


@pytest.mark.parametrize("scanner", SCANNERS.values(), ids=SCANNERS)
def test_contrasts_look_as_radiologists_know_them(scanner) -> None:
    def of(tissue: str, contrast: str) -> float:
        return signal(TISSUES[tissue], scanner.sequences[contrast], scanner.field)

    assert of("white", "t1") > of("grey", "t1") > of("csf", "t1")
    assert of("csf", "t2") > of("oedema", "t2") > of("grey", "t2") > of("white", "t2")
    assert of("oedema", "flair") > of("grey", "flair") > of("white", "flair") > 3 * of("csf", "flair")
    assert of("oedema", "t1") < of("white", "t1")
    assert of("enhancing", "t1ce") > 1.15 * of("white", "t1ce") > of("enhancing", "t1")
    assert of("low-grade", "t1ce") < of("white", "t1ce")


def test_water_brightens_t2_and_agent_needs_an_injection() -> None:
    t2, t1 = Sequence("spin echo", 4000, 100), Sequence("spin echo", 500, 10)
    tumour = TISSUES["enhancing"]
    assert signal(tumour, t2, 1.5, water=0.2) > signal(tumour, t2, 1.5)
    assert signal(tumour, t1, 1.5, uptake=1) == signal(tumour, t1, 1.5, uptake=0)
