"""Volumes of the labels in ml: one line of the final mask, and a table of all three."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from napari_osuda.evaluation import region_words, voxel_ml
from napari_osuda.models.card_defaults import color_of
from napari_osuda.session.review.review import Review
from napari_osuda.session.review.slices import SliceTable
from napari_osuda.widgets.qt.words import WrappedLabel
from napari_osuda.widgets.review import words

__all__ = ["VolumeLine", "VolumeTable", "label_names"]


def label_names(review: Review) -> dict[int, str]:
    """The model's labels, and those that a person has added; without the background."""
    added = {value: f"label {value}" for value in review.voxels if value not in review.case.labels}
    return {value: name for value, name in {**review.case.labels, **added}.items() if value != 0}


class VolumeLine(WrappedLabel):
    """The final mask in a line."""

    def show_case(self, review: Review) -> None:
        """Say what the final mask holds."""
        size, voxels = voxel_ml(review.case.grid.affine), review.voxels
        said = [
            f"{_chip(review, value)}&nbsp;{escape(name)}&nbsp;{voxels.get(value, 0) * size:,.1f}&nbsp;ml"
            for value, name in label_names(review).items()
        ]
        self.setText(f"{words.FINAL_HOLDS} {' &nbsp;'.join(said)}")


class VolumeTable(WrappedLabel):
    """Each label and region in the original, the adapted and the final mask."""

    def show_case(self, review: Review, table: SliceTable) -> None:
        """Fill it; ``table`` is of any plane."""
        size, change = voxel_ml(review.case.grid.affine), table.change
        masks: list[Mapping[int, int]] = [
            dict(zip(change.values, counts.sum(axis=0).tolist(), strict=True))
            for counts in (change.before, change.after)
        ]
        masks.append(review.voxels)
        names = label_names(review)
        rows = [
            (f"{_chip(review, value)}&nbsp;{escape(name)}", [mask.get(value, 0) for mask in masks])
            for value, name in names.items()
        ]
        rows += [
            (escape(region_words(name)), [sum(mask.get(int(value), 0) for value in values) for mask in masks])
            for name, values in review.case.regions.items()
            if len(values) > 1
        ]
        head = "".join(f"<th align='right'>&nbsp;&nbsp;{title}</th>" for title in review.case.names.values())
        body = "".join(
            f"<tr><td>{title}</td>"
            + "".join(f"<td align='right'>&nbsp;&nbsp;{count * size:,.2f}</td>" for count in counts)
            + "</tr>"
            for title, counts in rows
        )
        self.setText(f"<table><tr><th align='left'>{words.VOLUMES}</th>{head}</tr>{body}</table>")


def _chip(review: Review, value: int) -> str:
    color = color_of(review.case.colors, value)
    return f"<span style='color: {color}'>\N{BLACK SQUARE}</span>"
