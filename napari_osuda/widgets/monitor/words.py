"""What the monitor says of a run."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from napari_osuda.widgets.cockpit.recommendations import RECOMMENDATION_MARKS
from napari_osuda.widgets.monitor.course import Course, CourseFigures

if TYPE_CHECKING:
    from napari_osuda.widgets.cockpit.history import RunHistory

__all__ = ["channel_words", "course_headline", "course_words", "map_words", "verdict_words"]

# How a run goes: mark, hue and words.
_COURSES: dict[Course, tuple[str, str, str]] = {
    Course.BEGINNING: ("●", "text", "Just begun"),
    Course.STEADY: ("✔", "green", "Steady"),
    Course.COLLAPSING: ("✖", "red", "Collapsing"),
    Course.NO_EFFECT: ("▲", "orange", "No effect so far"),
}
# How a run has gone, where that is said otherwise.
_OVER: dict[Course, str] = {
    Course.BEGINNING: "Too short to say how it went",
    Course.STEADY: "Steady to the end",
    Course.COLLAPSING: "Collapsed",
    Course.NO_EFFECT: "No effect",
}


def course_headline(course: Course, *, over: bool) -> tuple[str, str, str]:
    """Mark, hue and words for how a run goes, or how it has gone."""
    mark, hue, words = _COURSES[course]
    return mark, hue, _OVER.get(course, words) if over else words


def verdict_words(decision: str | None, removed: int = 0) -> tuple[str, str, str] | None:
    """Mark, hue and words of a recommendation against the adapted mask, which comes before how training went.

    None where the adapted mask is recommended, or nothing. ``removed`` counts the pieces that the second look
    has removed from the original mask.
    """
    from napari_osuda.session.guard.wording import headline

    if decision is None or (decision == "accept" and not removed):
        return None
    return (*RECOMMENDATION_MARKS[decision], headline(decision, removed))


def course_words(reading: CourseFigures) -> str:
    """The figures that say how a run goes, at its beginning and now."""
    foreground, entropy, distance = reading.foreground, reading.entropy, reading.distance
    return (
        f"foreground {100 * foreground[0]:.2g} → {100 * foreground[1]:.2g} % of the pixels, "
        f"entropy {entropy[0]:.2g} → {entropy[1]:.2g} nats, distance {distance[0]:.2g} → {distance[1]:.2g}"
    )


def map_words(history: RunHistory, column: str, row: int) -> str:
    """The range of a map's values in one iteration, and how many channels are dead."""
    values, dead = history[column][row], history["dead"][row]
    gone = f"; {int(dead.sum())} dead channels (×)" if dead.any() else ""
    return (
        f"t = {int(history['t'][row])}: {values.min():.3g} to {values.max():.3g}, "
        f"mean {values.mean():.3g}{gone}"
    )


def channel_words(history: RunHistory, row: int, n: int) -> str:
    """Where channel n of all N is, and its figures in one iteration."""
    index, layer = next((i, la) for i, la in reversed(list(enumerate(history.layers))) if la.offset <= n)
    d, alpha, gamma, beta = (
        float(history[name][row, n]) for name in ("distance", "alpha", "gamma_shift", "beta_shift")
    )
    return (
        f"t = {int(history['t'][row])}: <b>{index + 1}. {escape(layer.name)}</b> ({layer.kind}), "
        f"channel {n - layer.offset} of 0–{layer.channels - 1}: "
        f"d {d:.3g}, α {alpha:.3g}, Δγ {gamma:+.2g}, Δβ {beta:+.2g}"
        f"{'; dead: it hardly varies on the target' if history['dead'][row][n] else ''}"
    )
