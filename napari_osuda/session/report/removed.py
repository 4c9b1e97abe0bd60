"""The pieces of the original mask that the second look has removed, in words and as a table."""

from __future__ import annotations

from napari_osuda.evaluation import Piece, lost_pieces
from napari_osuda.imaging import Grid
from napari_osuda.imaging.planes import PLANE_TO_AXIS, array_axis
from napari_osuda.imaging.world import SHOWN_AXES
from napari_osuda.session.report.content import ReportCase
from napari_osuda.session.report.html import Markup, join, number, table, tag
from napari_osuda.session.report.words import REMOVED, REMOVED_NOTE

__all__ = ["place_words", "removed_table"]


def removed_table(case: ReportCase, plane: str) -> Markup | None:
    """Each piece with its slices and its volume; None where none was removed."""
    if not case.removed or case.after is None:
        return None
    grid = Grid(case.before.shape, case.affine)
    pieces = lost_pieces(case.before, case.after, case.affine)
    header = ["piece", "slices", "ml", *(["in the final mask"] if case.final is not None else [])]
    rows = []
    for piece in pieces:
        row = [str(piece.number), place_words(piece, grid, plane), number(piece.ml, 2)]
        if case.final is not None:
            row.append("yes" if piece.is_in(case.final) else "no")
        rows.append(row)
    return join([table(REMOVED, header, rows), tag("p", REMOVED_NOTE, class_="soft")])


def place_words(piece: Piece, grid: Grid, plane: str) -> str:
    """In which slices of a plane a piece lies, by the viewer's numbers: "axial 40 to 46"."""
    plane = plane if plane in PLANE_TO_AXIS else "axial"
    axis = array_axis(plane, grid.orientation)
    assert axis is not None
    slices = piece.slices(axis)
    first, last = slices[0], slices[-1]
    if grid.orientation[axis] not in SHOWN_AXES:
        first, last = grid.shape[axis] - 1 - last, grid.shape[axis] - 1 - first
    return f"{plane} {first}" if first == last else f"{plane} {first} to {last}"
