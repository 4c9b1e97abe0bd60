"""The intensity curve: begun as physics expects, then fitted to statistics or searched by confidence."""

from napari_osuda.method.curve.beginnings import (
    begin_curve,
    beginning_knots,
    expected_beginnings,
    head_moments,
)
from napari_osuda.method.curve.curve import ChannelCurve, IntensityCurve
from napari_osuda.method.curve.fit import CurveConfig, CurveStep, fit_curve
from napari_osuda.method.curve.search import CurveTrial, SearchConfig, search_curve

__all__ = [
    "ChannelCurve",
    "CurveConfig",
    "CurveStep",
    "CurveTrial",
    "IntensityCurve",
    "SearchConfig",
    "begin_curve",
    "beginning_knots",
    "expected_beginnings",
    "fit_curve",
    "head_moments",
    "search_curve",
]
