"""What physics expects between the contrast that a network knows and that of an image: a map or a curve."""

from __future__ import annotations

from napari_osuda.imaging import IntensityMap, Knots, expected_map, modality_of
from napari_osuda.method.curve.beginnings import beginning_knots, expected_beginnings

__all__ = ["expected_between"]


def expected_between(channel: str, image: str) -> IntensityMap:
    """The likeliest map between a channel and an image by their names; "identity" where none is known."""
    known, seen = modality_of(channel) or "", modality_of(image) or ""
    beginning = expected_beginnings(known, seen)[0]
    if beginning in ("identity", "negated"):
        return expected_map(channel, image)
    return Knots(*beginning_knots(beginning))
