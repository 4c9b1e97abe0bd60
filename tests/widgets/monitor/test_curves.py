from __future__ import annotations

import numpy as np
from monitor_parts import told


def test_curves_show_what_was_reported(monitor, reported):
    history = told(monitor, reported)
    losses = monitor.panels["losses"]
    for curve, expected in zip(
        losses.curves, (history["l_hbs"], history["lam"] * history["l_se"], history["loss"]), strict=True
    ):
        np.testing.assert_allclose(curve.getData()[1], expected, rtol=1e-6)
    assert f"{history['loss'][-1]:.3g}" in losses.legend.text()
    classes = monitor.panels["classes"]
    assert [series.name for series in classes.series] == ["edema", "core"]
    assert [series.color for series in classes.series] == ["#e69f00", "#56b4e9"]
    np.testing.assert_allclose(classes.curves[1].getData()[1], 100 * history["class_fractions"][:, 2])


def test_a_single_iteration_is_a_dot_and_more_are_a_line(monitor, reported):
    history = told(monitor, reported, count=1)
    curves = monitor.panels["losses"].curves
    assert all(curve.opts["symbol"] == "o" for curve in curves)
    history.add(reported[1][1])
    monitor.panels["losses"].refresh()
    assert all(curve.opts["symbol"] is None for curve in curves)


def test_pointing_at_a_curve_tells_the_values_of_that_iteration(monitor, reported):
    history = told(monitor, reported)
    panel = monitor.panels["losses"]
    panel.point_at(2.2, 0)
    assert "t = 2" in panel.legend.text()
    assert f"{history['loss'][2]:.3g}" in panel.legend.text()
    panel.point_away()
    assert "t = " not in panel.legend.text()


def test_iterations_are_marked_by_whole_numbers(monitor, reported):
    told(monitor, reported)
    axis = monitor.panels["losses"].view.axes["bottom"]
    for last in (1, 2, 10, 400):
        assert all(step >= 1 for step, _ in axis.tickSpacing(0, last, 300))
