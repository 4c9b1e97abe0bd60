"""Colors of texts, plots and marks, taken from napari's theme."""

from __future__ import annotations

from dataclasses import dataclass

from napari.utils.theme import get_theme

__all__ = ["Palette", "palette"]

# Okabe & Ito, Color Universal Design (2008): told apart with any kind of color vision. Of each hue the
# shade that stands out from a dark, and from a light background.
_ON_DARK = {"blue": "#56b4e9", "orange": "#e69f00", "green": "#2fc79b", "red": "#ff8a4d", "purple": "#dd92b8"}
_ON_LIGHT = {
    "blue": "#0072b2",
    "orange": "#a86400",
    "green": "#00785a",
    "red": "#c04e00",
    "purple": "#a34a7d",
}


@dataclass(frozen=True)
class Palette:
    """Colors as ``#rrggbb``: of the window, and hues that can be told apart on it."""

    dark: bool
    background: str
    foreground: str
    text: str
    blue: str
    orange: str
    green: str
    red: str
    purple: str

    @property
    def faint(self) -> str:
        """Axes and grids: between text and background."""
        return _between(self.text, self.background, 0.45)


def palette(theme: str) -> Palette:
    """The colors that go with one of napari's themes ("system" included)."""
    values = get_theme(theme)
    dark = values.type == "dark"
    hues = _ON_DARK if dark else _ON_LIGHT
    return Palette(
        dark=dark,
        background=_hex(values.background),
        foreground=_hex(values.foreground),
        text=_hex(values.text),
        **hues,
    )


def _hex(color: object) -> str:
    red, green, blue, *_ = color.as_rgb_tuple()  # type: ignore[attr-defined]
    return f"#{red:02x}{green:02x}{blue:02x}"


def _between(first: str, second: str, share: float) -> str:
    pairs = ((int(first[i : i + 2], 16), int(second[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in pairs)
