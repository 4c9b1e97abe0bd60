"""Charts as inline SVG: curves over the iterations, and maps of layers x channels over them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.session.report.html import Markup, number, tag
from napari_osuda.session.report.pictures import data_uri

__all__ = ["Curve", "color_map", "line_chart", "map_chart", "ticks"]

# Ten points of matplotlib's viridis (van der Walt & Smith, 2015): safe for color-blind eyes and in gray.
_VIRIDIS = "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725"
_DASHES = (None, "6 3", "2 2", "8 3 2 3")


@dataclass(frozen=True)
class Curve:
    """One line of a chart."""

    name: str
    values: Sequence[float]
    color: str


def color_map(values: NDArray[Any]) -> NDArray[np.uint8]:
    """RGB uint8 [..., 3] of values from 0 to 1; what is not finite is gray."""
    anchors = np.array([tuple(bytes.fromhex(anchor)) for anchor in _VIRIDIS.split()], dtype=np.float64)
    position = np.clip(np.nan_to_num(values), 0.0, 1.0) * (len(anchors) - 1)
    rgb = np.stack([np.interp(position, np.arange(len(anchors)), anchors[:, c]) for c in range(3)], axis=-1)
    rgb[~np.isfinite(values)] = 128.0
    return rgb.round().astype(np.uint8)


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """About ``count`` round numbers (1, 2 or 5 times a power of ten apart) within ``low`` to ``high``."""
    if not high > low:
        return [low]
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def line_chart(
    title: str, curves: Sequence[Curve], t: Sequence[float], *, height: int = 220, legend: bool = True
) -> Markup:
    """Curves over the iterations.

    Parameters
    ----------
    title : str
        Says what is drawn and in which unit.
    curves : sequence of Curve
        The zero line is always within view: the height of a curve means something.
    t : sequence of float
        The iterations.
    height : int
    legend : bool
        Whether two or more curves are named below the chart; each also names itself under the mouse.
    """
    width, left, right, top, bottom = 520, 58, 12, 12, 34
    finite = [v for curve in curves for v in curve.values if math.isfinite(v)]
    low, high = min([0.0, *finite]), max([0.0, *finite])
    high = high if high > low else low + 1.0
    y_ticks = ticks(low, high)
    if y_ticks[-1] < high and len(y_ticks) > 1:
        # The highest point lies below a labeled line.
        y_ticks.append(2 * y_ticks[-1] - y_ticks[-2])
        high = y_ticks[-1]
    first, last = float(t[0]), max(float(t[-1]), float(t[0]) + 1.0)

    def x(value: float) -> float:
        return left + (value - first) / (last - first) * (width - left - right)

    def y(value: float) -> float:
        return height - bottom - (value - low) / (high - low) * (height - top - bottom)

    named = legend and len(curves) > 1
    parts: list[Markup] = []
    for value in y_ticks:
        parts.append(
            tag("line", x1=left, x2=width - right, y1=f"{y(value):.1f}", y2=f"{y(value):.1f}", class_="grid")
        )
        parts.append(
            tag("text", _tick(value, y_ticks), x=left - 6, y=f"{y(value) + 4:.1f}", text_anchor="end")
        )
    for value in _whole_ticks(first, float(t[-1])):
        parts.append(
            tag("text", f"{value:g}", x=f"{x(value):.1f}", y=height - bottom + 16, text_anchor="middle")
        )
    parts.append(tag("text", "iteration t", x=(left + width - right) / 2, y=height - 4, text_anchor="middle"))
    for n, curve in enumerate(curves):
        for run in _finite_runs(t, curve.values):
            points = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in run)
            if len(run) == 1:
                (a, b), mark = run[0], "circle"
                shape: dict[str, object] = {
                    "cx": f"{x(a):.1f}",
                    "cy": f"{y(b):.1f}",
                    "r": 3,
                    "fill": curve.color,
                }
            else:
                mark = "polyline"
                shape = {"points": points, "stroke": curve.color, "class_": "curve"}
                shape["stroke_dasharray"] = _DASHES[n % len(_DASHES)] if named else None
            parts.append(tag(mark, tag("title", curve.name), **shape))
    said = "; ".join(_in_words(curve) for curve in curves[:8])
    drawing = tag("svg", *parts, viewBox=f"0 0 {width} {height}", role="img", aria_label=f"{title}. {said}")
    key = tag("div", *(_key(curve, n) for n, curve in enumerate(curves)), class_="legend") if named else None
    return tag("figure", tag("figcaption", title), drawing, key, class_="chart")


def map_chart(
    title: str, values: NDArray[Any], offsets: Sequence[int], layer_names: Sequence[str], t: Sequence[float]
) -> Markup:
    """Channels of each layer (rows, in the order of execution) over the iterations (columns), as color.

    Parameters
    ----------
    title : str
    values : ndarray, shape [T, N]
    offsets : sequence of int, length L + 1
        Layer l has the channels offsets[l] to offsets[l + 1].
    layer_names : sequence of str, length L
    t : sequence of float, length T
    """
    finite = values[np.isfinite(values)]
    # A few outliers would leave one color for all the rest.
    low, high = np.percentile(finite, (0.5, 99.5)).tolist() if finite.size else (0.0, 1.0)
    high = high if high > low else low + 1.0
    layers = len(layer_names)
    band = min(16.0, max(3.0, 720.0 / layers))
    width, left, right, top = 620, 190, 10, 4
    bottom = top + band * layers
    named = max(1, math.ceil(11.0 / band))
    parts: list[Markup] = []
    for layer, name in enumerate(layer_names):
        rows = values[:, offsets[layer] : offsets[layer + 1]].T
        picture = color_map((_thinned(rows) - low) / (high - low))
        y = top + band * layer
        box = {"x": left, "y": f"{y:.1f}", "width": width - left - right, "height": f"{band - 1:.1f}"}
        start, end = number(_mean(rows[:, 0]), 3), number(_mean(rows[:, -1]), 3)
        label = f"{name}: {len(rows)} channels, mean {start} to {end}"
        parts.append(
            tag(
                "image",
                tag("title", label),
                href=data_uri(picture),
                preserveAspectRatio="none",
                class_="map",
                **box,
            )
        )
        if layer % named == 0:
            shown = name if len(name) <= 30 else "\N{HORIZONTAL ELLIPSIS}" + name[-29:]
            parts.append(tag("text", shown, x=left - 6, y=f"{y + band / 2 + 3.5:.1f}", text_anchor="end"))
    for value in _whole_ticks(float(t[0]), float(t[-1])):
        # The middle of the value's column.
        x = left + (value - t[0] + 0.5) / (t[-1] - t[0] + 1) * (width - left - right)
        parts.append(tag("text", f"{value:g}", x=f"{x:.1f}", y=f"{bottom + 14:.1f}", text_anchor="middle"))
    middle = (left + width - right) / 2
    parts.append(tag("text", "iteration t", x=middle, y=f"{bottom + 30:.1f}", text_anchor="middle"))
    said = (
        f"{title}. {values.shape[1]} channels in {layers} layers, {values.shape[0]} iterations; "
        f"the mean goes from {number(_mean(values[0]), 3)} to {number(_mean(values[-1]), 3)}"
    )
    drawing = tag("svg", *parts, viewBox=f"0 0 {width} {bottom + 36:.0f}", role="img", aria_label=said)
    ramp = tag(
        "img", src=data_uri(color_map(np.linspace(0, 1, 128)[None])), alt="from low to high", class_="ramp"
    )
    ends = (f"{number(low)} and less", f"{number(high)} and more")
    legend = tag("div", ends[0], ramp, ends[1], class_="legend")
    return tag("figure", tag("figcaption", title), drawing, legend, class_="chart")


def _thinned(rows: NDArray[Any], most: int = 256) -> NDArray[Any]:
    """At most so many columns, evenly chosen: a page has no room for more."""
    if rows.shape[1] <= most:
        return rows
    return rows[:, np.linspace(0, rows.shape[1] - 1, most).round().astype(int)]


def _mean(values: NDArray[Any]) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else math.nan


def _whole_ticks(first: float, last: float) -> list[float]:
    return [value for value in ticks(first, last, 6) if value == int(value)]


def _tick(value: float, among: Sequence[float]) -> str:
    step = among[1] - among[0] if len(among) > 1 else 1.0
    return number(value, max(0, -math.floor(math.log10(step) + 1e-9)))


def _finite_runs(t: Sequence[float], values: Sequence[float]) -> list[list[tuple[float, float]]]:
    """Points of a curve, broken where it is not finite."""
    runs: list[list[tuple[float, float]]] = [[]]
    for a, b in zip(t, values, strict=True):
        if math.isfinite(b):
            runs[-1].append((float(a), float(b)))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _in_words(curve: Curve) -> str:
    return f"{curve.name} goes from {curve.values[0]:.3g} to {curve.values[-1]:.3g}"


def _key(curve: Curve, n: int) -> Markup:
    line = tag(
        "line",
        x1=0,
        x2=26,
        y1=5,
        y2=5,
        stroke=curve.color,
        class_="curve",
        stroke_dasharray=_DASHES[n % len(_DASHES)],
    )
    sample = tag("svg", line, viewBox="0 0 26 10", class_="sample", aria_hidden="true")
    return tag("span", sample, curve.name)
