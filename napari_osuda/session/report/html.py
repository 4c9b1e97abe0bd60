"""HTML elements that escape what they hold, so that no name of a file or a label can break the page."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from napari_osuda.errors import printable

__all__ = ["Markup", "join", "number", "table", "tag"]

_WITHOUT_END = {"img", "meta"}


class Markup(str):
    """Text that is HTML already. Any other string is escaped by `tag`."""

    __slots__ = ()


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """Give an element.

    Parameters
    ----------
    name : str
    *children : object
        Markup stays as it is; everything else becomes escaped text; None is left out.
    **attributes : object
        ``class_`` is class, ``stroke_width`` is stroke-width; None is left out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _WITHOUT_END:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def join(parts: Iterable[object]) -> Markup:
    """Put parts one after the other, escaped unless they are Markup."""
    return Markup("".join(p if isinstance(p, Markup) else _escaped(p) for p in parts if p is not None))


def _escaped(value: object) -> str:
    # Control characters cannot stand in HTML, not even escaped; others turn the text around.
    return html.escape(printable(str(value), kept="\n\t\N{NO-BREAK SPACE}\N{THIN SPACE}"))


def table(caption: str, header: Sequence[object], rows: Iterable[Sequence[object]]) -> Markup:
    """Give a table whose first column names the rows; numbers come as text (see `number`)."""
    head = tag("tr", *(tag("th", cell, scope="col") for cell in header))
    body = (
        tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in rest)) for first, *rest in rows
    )
    content = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body))
    # A table wider than a phone scrolls by itself instead of pushing the page aside.
    return tag("div", content, class_="scroll")


def number(value: float | None, decimals: int = 2, signed: bool = False) -> str:
    """Write a number with a true minus and a dash for what does not exist."""
    if value is None or value - value != 0:
        return "\N{EN DASH}"
    # Adding 0 takes the sign from what rounds to zero.
    rounded = round(value, decimals) + 0.0
    text = f"{rounded:+,.{decimals}f}" if signed and rounded else f"{rounded:,.{decimals}f}"
    return text.replace("-", "\N{MINUS SIGN}")
