import math
import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from napari_osuda.session.report.charts import Curve, color_map, line_chart, map_chart, ticks


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
@example(917677.5156249999, 9.999999974752427e-06)
def test_ticks_are_few_round_and_inside(low, span):
    high = low + span
    found = ticks(low, high)
    assert len(found) <= 6
    # Beside what a float of this size can tell.
    slack = span * 1e-6 + 4 * math.ulp(max(abs(low), abs(high)))
    assert all(low - slack <= value <= high + slack for value in found)


def test_ticks_of_a_known_range():
    assert ticks(0, 10) == [0, 5, 10]
    assert ticks(0, 1) == pytest.approx([0, 0.5, 1.0])
    assert ticks(3, 3) == [3]


def test_colors_run_along_viridis_and_gray_is_no_value():
    rgb = color_map(np.array([0.0, 1.0, -5.0, 7.0, np.nan]))
    assert rgb[0].tolist() == rgb[2].tolist() == [0x44, 0x01, 0x54]
    assert rgb[1].tolist() == rgb[3].tolist() == [0xFD, 0xE7, 0x25]
    assert rgb[4].tolist() == [128, 128, 128]
    # Lighter all the way, so that it reads in gray as well.
    lightness = color_map(np.linspace(0, 1, 64)) @ np.array([0.2126, 0.7152, 0.0722])
    assert np.all(np.diff(lightness) > 0)


def points(chart):
    return [
        [tuple(map(float, p.split(","))) for p in run.split()]
        for run in re.findall(r'<polyline points="([^"]*)"', chart)
    ]


def test_a_curve_goes_where_its_values_go():
    (run,) = points(line_chart("loss", [Curve("total", [0.0, 1.0, 0.5], "#000000")], [0, 1, 2]))
    (x0, y0), (x1, y1), (x2, y2) = run
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.11)
    assert y0 > y2 > y1
    assert y0 - y2 == pytest.approx(y2 - y1, abs=0.11)


def test_a_curve_breaks_where_it_is_not_finite():
    values = [1.0, 2.0, math.nan, 3.0, math.inf, 1.0, 1.0]
    chart = line_chart("loss", [Curve("total", values, "#000000")], range(7))
    assert [len(run) for run in points(chart)] == [2, 2]
    assert chart.count("<circle") == 1
    assert "nan," not in chart
    assert ",inf" not in chart


@pytest.mark.parametrize("values", [[0.5], [math.nan], [0.0]])
def test_a_single_iteration_draws(values):
    chart = line_chart("loss", [Curve("a", values, "#000000"), Curve("b", values, "#000000")], [0])
    assert chart.count("<circle") == 2 * math.isfinite(values[0])
    assert 'class="legend"' in chart


def test_a_map_has_a_band_a_layer_with_words_for_it():
    values = np.linspace(0, 1, 5 * 7).reshape(5, 7)
    chart = map_chart("d", values, [0, 3, 7], ["first <layer>", "second"], range(5))
    assert chart.count("<image") == 2
    assert "first &lt;layer&gt;: 3 channels, mean 0.029 to 0.853" in chart
    assert "7 channels in 2 layers, 5 iterations" in chart


def test_a_map_of_many_layers_and_iterations_stays_small():
    values = np.random.default_rng(0).random((2000, 300)).astype(np.float32)
    chart = map_chart("d", values, range(301), [f"layer{n}" for n in range(300)], range(2000))
    assert len(chart) < 1_500_000
    # Names would overlap if each of 300 layers showed its own.
    assert chart.count('text-anchor="end"') < 100


def test_a_map_without_a_finite_value_is_gray():
    chart = map_chart("d", np.full((1, 2), np.nan), [0, 2], ["only"], [0])
    assert "mean – to –" in chart
