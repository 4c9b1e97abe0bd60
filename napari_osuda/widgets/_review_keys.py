"""The review's keys: bound to the viewer while its panel is open, given back with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_osuda.widgets._shared import real_viewer

if TYPE_CHECKING:
    from napari_osuda.widgets.review import ReviewWidget

__all__ = ["REDO", "UNDO", "Key", "ReviewKeys", "keys_of"]

UNDO, REDO = "Control-Z", "Control-Shift-Z"

# Letters that no layer of napari's takes for itself: a layer's keys come before the viewer's.


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


def keys_of(widget: ReviewWidget) -> list[Key]:
    """Every key of the review, in the order in which the panel lists them."""
    acts = widget.acts
    keys = [
        Key("A", "accept after", lambda: acts.decide("after")),
        Key("K", "keep before", lambda: acts.decide("before")),
        Key("I", "edit, or lock again", lambda: widget.edit(not widget.layers.editing)),
        Key("G", "flag with the comment", lambda: acts.flag()),
        Key(UNDO, "undo", acts.undo),
        Key(REDO, "redo", acts.redo),
    ]
    for key, wanted in (("J", "changed"), ("H", "flagged"), ("U", "undecided")):
        keys.append(Key(key, f"next {wanted}", partial(widget.go_to_next, wanted)))
        keys.append(Key(f"Shift-{key}", f"previous {wanted}", partial(widget.go_to_next, wanted, True)))
    for key, mode in (("W", "overlay"), ("S", "side"), ("D", "difference"), ("R", "final")):
        what = {"side": "side by side", "final": "final mask"}.get(mode, mode)
        keys.append(Key(key, what, partial(widget.compare, mode)))
    keys.append(Key("Q", "hold: before alone", partial(widget.blink, True), partial(widget.blink, False)))
    keys.append(Key("Y", "labels full, half, faint", widget.page.opacity.next_strength))
    keys.append(Key("N", "each label alone, then all", widget.page.opacity.next_alone))
    keys.append(Key("T", "next case", widget.next_case))
    return keys
