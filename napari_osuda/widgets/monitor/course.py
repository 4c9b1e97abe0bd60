"""Whether an adaptation goes well, from its figures alone: steady, collapsing, or without effect."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_osuda.widgets.cockpit.history import RunHistory

__all__ = ["Course", "CourseFigures", "foreground_of", "read_course"]

# Averages of as many iterations at either end: each iteration sees other slices.
_ENDS = 4
# From how many iterations on something can be said at all, and that nothing happens.
_SOON, _LATE = 3, 6
# Of its first share, what the foreground has to have lost; and what it has to have reached, of the pixels.
_FADED, _EVERYWHERE = 0.5, 0.6
# Relative changes below this are none; of a distance smaller than that, those relative to it.
_NOTHING, _NEAR = 0.01, 0.1


class Course(enum.Enum):
    """How a run goes."""

    BEGINNING = "beginning"
    STEADY = "steady"
    COLLAPSING = "collapsing"
    NO_EFFECT = "no effect"


@dataclass(frozen=True)
class CourseFigures:
    """How a run goes, and the figures that say so: each at its beginning and now.

    Attributes
    ----------
    course : Course
    entropy : tuple of float
        Nats.
    foreground : tuple of float
        Share of the pixels, 0 to 1.
    distance : tuple of float
        Mean d of eq. 5 over all channels.
    """

    course: Course
    entropy: tuple[float, float]
    foreground: tuple[float, float]
    distance: tuple[float, float]


def foreground_of(
    fractions: npt.NDArray[np.float32], classes: Sequence[tuple[int, str, str]]
) -> npt.NDArray[np.float32]:
    """The share of the pixels that has any label, [n] from [n, K].

    Where there is a class of background it is what that leaves; regions that may overlap have no background,
    and the largest of them stands for all.
    """
    background = [k for k, (value, _, _) in enumerate(classes) if value == 0]
    shares = 1.0 - fractions[:, background[0]] if background else fractions.max(axis=1)
    return np.asarray(shares, np.float32)


def read_course(history: RunHistory) -> CourseFigures | None:
    """How a run goes; None before its first iteration."""
    count = len(history)
    if not count:
        return None
    entropy = _ends(history["l_se"])
    foreground = _ends(foreground_of(history["class_fractions"], history.classes))
    distance = _ends(history["layer_distance"].mean(axis=1)) if history.layers else (0.0, 0.0)
    first, last = foreground
    gone = first > 0 and last < _FADED * first
    everywhere = last > _EVERYWHERE >= first
    if count < _SOON:
        course = Course.BEGINNING
    elif gone or everywhere:
        course = Course.COLLAPSING
    elif count >= _LATE and _is_same(entropy) and _is_same(foreground) and _is_same(distance, _NEAR):
        course = Course.NO_EFFECT
    else:
        course = Course.STEADY
    return CourseFigures(course, entropy, foreground, distance)


def _ends(values: npt.NDArray[np.float32]) -> tuple[float, float]:
    """The mean of the first few values, and of the last."""
    few = min(_ENDS, max(len(values) // 2, 1))
    return float(values[:few].mean()), float(values[-few:].mean())


def _is_same(ends: tuple[float, float], least: float = 1e-9) -> bool:
    first, last = ends
    return abs(last - first) <= _NOTHING * max(abs(first), least)
