"""The review's keys: bound to the viewer while its panel is open, given back with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from napari_osuda.widgets.qt.window import real_viewer
from napari_osuda.widgets.qt.words import WrappedLabel

__all__ = ["REDO", "UNDO", "Key", "KeyLegend", "ReviewKeys"]

UNDO, REDO = "Control-Z", "Control-Shift-Z"


@dataclass(frozen=True)
class Key:
    """A key of the viewer's: what it is called, what it does, and what happens when it is let go."""

    key: str
    what: str
    press: Callable[[], None]
    release: Callable[[], None] | None = None


class ReviewKeys:
    """Binds keys, and on `close` gives each back what it did before.

    Parameters
    ----------
    viewer : napari.Viewer
    keys : iterable of Key
    """

    def __init__(self, viewer: Any, keys: Iterable[Key]) -> None:
        self._viewer = real_viewer(viewer)
        self.keys = tuple(keys)
        self._before: list[tuple[Any, str, Any]] = []
        for key in self.keys:
            self._bind(self._viewer, key)

    def bind_layer(self, layer: Any, keys: Iterable[str]) -> None:
        """Bind some of the keys to a layer as well, whose class would take them for itself."""
        for key in self.keys:
            if key.key in keys:
                self._bind(layer, key)

    def close(self) -> None:
        """Give the keys back."""
        for owner, name, earlier in reversed(self._before):
            owner.bind_key(name, earlier, overwrite=True)
        self._before.clear()

    def _bind(self, owner: Any, key: Key) -> None:
        # napari answers with what the key did before, or None, which unbinds it again.
        self._before.append((owner, key.key, owner.bind_key(key.key, None)))
        owner.bind_key(key.key, _on_press(key), overwrite=True)


def _on_press(key: Key) -> Callable[[Any], Any]:
    press, release = key.press, key.release
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

    def set_keys(self, keys: Sequence[Key]) -> None:
        """List them."""
        rows = "".join(
            f"<tr><td><b>{escape(key.key.replace('Control', 'Ctrl').replace('-', '+'))}</b>&nbsp;&nbsp;</td>"
            f"<td>{escape(key.what)}</td></tr>"
            for key in keys
        )
        self.setText(f"<table>{rows}</table>")
