"""What a model is, in a few lines; and what is inside it, behind a click."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_osuda.widgets.qt.fold import Fold
from napari_osuda.widgets.qt.theme import Palette
from napari_osuda.widgets.qt.words import WrappedLabel

if TYPE_CHECKING:
    from napari_osuda.models import Inspection, SourceModel

__all__ = ["ModelDetails", "adaptability", "card_text"]

# The titles of an inspection's lines are this wide.
_TITLE = 20


def card_text(model: SourceModel, inspection: Inspection, colors: Palette) -> str:
    """The model card in a few lines of rich text."""
    card = model.card
    labels = ", ".join(
        f"<span style='color: {card.color_of(value)}'>■</span>&nbsp;{escape(name)}"
        for value, name in card.labels.items()
        if value != 0
    )
    rows = [
        f"<b>{_breakable(card.name)}</b>",
        f"Images: {escape(', '.join(card.channels))}",
        f"Labels: {labels}",
        f"Input: {_input(model)}",
    ]
    rows.append(adaptability(inspection, colors))
    rows += [f"<span style='color: {colors.orange}'>▲</span> {escape(note)}" for note in model.notes]
    return "<br>".join(rows)


def adaptability(inspection: Inspection, colors: Palette) -> str:
    """Whether a network can be adapted, and what of it; or why not."""
    if not inspection.adaptable:
        return f"<span style='color: {colors.red}'>✖</span> Cannot be adapted: {escape(inspection.reason)}"
    count = len(inspection.layers)
    return (
        f"<span style='color: {colors.green}'>✔</span> Can be adapted ({count} "
        f"BatchNorm layer{'s' if count != 1 else ''}){_share(inspection)}"
    )


def _breakable(text: str) -> str:
    """Text as markup that can be broken after dots and underscores: such names are wider than a dock."""
    return escape(text).replace(".", ".&#8203;").replace("_", "_&#8203;")


def _input(model: SourceModel) -> str:
    card = model.card
    said = [f"{card.spatial_dims}-D {card.plane}"]
    pieces = card.window or (card.size if card.plane == "volume" and not card.field_of_view_mm else None)
    if pieces:
        said.append("in patches of " + " × ".join(map(str, pieces)))
    elif card.size:
        said.append(" × ".join(map(str, card.size)) + " px")
    if card.field_of_view_mm:
        said.append("over " + " × ".join(f"{mm:g}" for mm in card.field_of_view_mm) + " mm")
    elif card.spacing_mm:
        shown = card.spacing_mm if card.plane == "volume" else card.spacing_mm[1:]
        said.append("at " + " × ".join(f"{mm:.3g}" for mm in shown) + " mm")
    return " ".join(said)


def _share(inspection: Inspection) -> str:
    others = {kind: len(names) for kind, names in inspection.norms.items() if "batch" not in kind.lower()}
    if not others:
        return ""
    listed = ", ".join(f"{count} {kind}" for kind, count in others.items())
    share = f"{inspection.share:.0%}".replace("%", " %")
    return f". {share} of its normalization is adapted; {escape(listed)} stay as they are."


class ModelDetails(QWidget):
    """All that was found in the network, folded away until someone wants to know."""

    def __init__(self) -> None:
        super().__init__()
        self.text = WrappedLabel()
        self.text.setAccessibleName("Details of the model")
        self.fold = Fold("Details of the model")
        self.fold.addWidget(self.text)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.fold)

    def show_inspection(self, inspection: Inspection | None) -> None:
        """Tell what is inside a model; hidden where there is none."""
        self.setVisible(inspection is not None)
        if inspection is not None:
            title, *rows = inspection.lines(names=None)
            cells = "".join(
                f"<tr><td style='padding-right: 8px'>{escape(row[:_TITLE].strip())}</td>"
                f"<td>{_breakable(row[_TITLE:])}</td></tr>"
                for row in rows
            )
            self.text.setText(f"<p>{escape(title)}</p><table>{cells}</table>")
