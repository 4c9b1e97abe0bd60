from __future__ import annotations

import pytest

from napari_osuda.widgets.qt.theme import palette


def luminance(color: str) -> float:
    """Relative luminance (WCAG 2.1)."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("hue", ["blue", "orange", "green", "red", "purple"])
def test_every_hue_stands_out_from_the_background(theme, hue):
    colors = palette(theme)
    assert colors.dark == (theme == "dark")
    one, other = sorted((luminance(getattr(colors, hue)), luminance(colors.background)))
    assert (other + 0.05) / (one + 0.05) >= 3.0


def test_faint_lies_between_text_and_background():
    for colors in (palette("dark"), palette("light")):
        ends = sorted((luminance(colors.text), luminance(colors.background)))
        assert ends[0] < luminance(colors.faint) < ends[1]
