"""What *OSUDA: Planes* says."""

from __future__ import annotations

__all__ = ["EMPTY", "NO_IMAGE", "ONE_VALUE", "RANGE_TIP", "WINDOW_TIP", "window_words"]

EMPTY = "Open the images of a patient to see their planes."
WINDOW_TIP = "Usual windows for the image that is shown"
RANGE_TIP = "Darkest and brightest value that are told apart. Drag an end, or type a number."
NO_IMAGE = "No image is shown."
ONE_VALUE = "The image has the same value everywhere."


def window_words(low: float, high: float) -> str:
    """A range of values as window (its width) and level (its middle).

    >>> window_words(100, 500)
    'Window 400, level 300'
    """
    return f"Window {high - low:.4g}, level {(low + high) / 2:.4g}"
