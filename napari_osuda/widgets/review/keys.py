"""The review's keys: bound to the viewer while its panel is open, given back with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from napari_osuda.widgets.qt.window import real_viewer
from napari_osuda.widgets.qt.words import WrappedLabel

__all__ = ["KEYS", "Action", "KeyLegend", "ReviewKeys", "key_text", "titled"]

KEYS: dict[str, tuple[str, str]] = {
    "after": ("A", "use adapted"),
    "before": ("K", "use original"),
    "edit": ("I", "edit, or lock again"),
    "flag": ("G", "flag with the comment"),
    "undo": ("Control-Z", "undo"),
    "redo": ("Control-Shift-Z", "redo"),
    "next changed": ("J", "next changed"),
    "previous changed": ("Shift-J", "previous changed"),
    "next flagged": ("H", "next flagged"),
    "previous flagged": ("Shift-H", "previous flagged"),
    "next undecided": ("U", "next undecided"),
    "previous undecided": ("Shift-U", "previous undecided"),
    "overlay": ("W", "overlay"),
    "side": ("S", "side by side"),
    "difference": ("D", "difference"),
    "final": ("R", "final mask"),
    "blink": ("Q", "hold: original mask alone"),
    "strength": ("Y", "labels full, half, faint"),
    "alone": ("N", "each label alone, then all"),
    "case": ("T", "next case"),
}
"""Every key of the review by what it does, in the order in which the panel lists them."""


def key_text(action: str) -> str:
    """The key of an action, as a person reads it: ``"Ctrl+Z"``."""
    return KEYS[action][0].replace("Control", "Ctrl").replace("-", "+")


def titled(title: str, action: str) -> str:
    """A button's title with its key."""
    return f"{title} ({key_text(action)})"


@dataclass(frozen=True)
class Action:
    """What happens when a key is pressed, and when it is let go."""

    press: Callable[[], None]
    release: Callable[[], None] | None = None


class ReviewKeys:
    """Binds keys, and on `close` gives each back what it did before.

    Parameters
    ----------
    viewer : napari.Viewer
    actions : mapping of str to Action
        One for each of `KEYS`.
    """

    def __init__(self, viewer: Any, actions: Mapping[str, Action]) -> None:
        self._viewer = real_viewer(viewer)
        self._actions = dict(actions)
        self._before: list[tuple[Any, str, Any]] = []
        for name in KEYS:
            self._bind(self._viewer, name)

    def bind_layer(self, layer: Any, names: Iterable[str]) -> None:
        """Bind some of the keys to a layer as well, whose class would take them for itself."""
        for name in names:
            self._bind(layer, name)

    def close(self) -> None:
        """Give the keys back."""
        for owner, key, earlier in reversed(self._before):
            owner.bind_key(key, earlier, overwrite=True)
        self._before.clear()

    def _bind(self, owner: Any, name: str) -> None:
        key = KEYS[name][0]
        # napari answers with what the key did before, or None, which unbinds it again.
        self._before.append((owner, key, owner.bind_key(key, None)))
        owner.bind_key(key, _on_press(self._actions[name]), overwrite=True)


def _on_press(action: Action) -> Callable[[Any], Any]:
    press, release = action.press, action.release
    if release is None:

        def pressed(_: Any) -> None:
            press()

        return pressed

    def held(_: Any) -> Iterator[None]:
        press()
        yield
        release()

    return held


class KeyLegend(WrappedLabel):
    """The keys, in words."""

    def __init__(self) -> None:
        rows = "".join(
            f"<tr><td><b>{escape(key_text(action))}</b>&nbsp;&nbsp;</td><td>{escape(what)}</td></tr>"
            for action, (_, what) in KEYS.items()
        )
        super().__init__(f"<table>{rows}</table>")
