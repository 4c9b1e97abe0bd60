"""How a voxel grid is shown in a viewer, and its inverse to the file's own array. Pure numpy, no viewer.

A volume is shown with its array reoriented to S, A, R axes (each running towards superior, anterior, right),
so that slicing the first axis gives axial slices, in a world of RAS millimeters whose coordinates are listed
in that same order: (S, A, R). With ``viewer.scene.camera.orientation2d = ("up", "left")`` that is the
radiological view.

An oblique or sheared volume is shown *straightened*: its slices are the acquired ones, each voxel has its
true size, the center of the volume lies at its true place, but the angle between the array's axes and the
patient's is not drawn. napari cannot slice along a tilted axis: given the whole affine it shows the same
acquired slices, computes their place from the wrong point, and warns at every slice. The angle is kept as
``oblique_degrees`` in the layer's metadata, for the faces to say; masks go back by the grid, so what is
computed or written is exact, whatever the display leaves out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_osuda.errors import CaseError, ConfigError
from napari_osuda.imaging.grid import Grid, Reorientation, require_axes
from napari_osuda.imaging.planes import patient_axis

__all__ = [
    "METADATA_KEY",
    "SHOWN_AXES",
    "from_layer",
    "grid_of_layer",
    "layer_arguments",
    "oblique_degrees",
    "onto_layer",
    "place_is_known",
    "to_case_order",
    "to_shown",
]

SHOWN_AXES = "SAR"
METADATA_KEY = "napari_osuda"
# An image that was opened without any orientation: slices from the feet up, and rows and columns as they look
# right on a screen, anterior above and the patient's right on the left.
_SCREEN_AXES = "SPL"


def to_shown(array: NDArray[Any], grid: Grid) -> NDArray[Any]:
    """Reorient the last three axes from the file's order to S, A, R; gives a view."""
    return Reorientation(grid.affine, SHOWN_AXES).apply(array)


def to_case_order(array: NDArray[Any], grid: Grid) -> NDArray[Any]:
    """Bring the last three axes from S, A, R back to the file's order, exactly; gives a view."""
    return Reorientation(grid.affine, SHOWN_AXES).undo(array)


def layer_arguments(grid: Grid, path: Path | str | None = None) -> dict[str, Any]:
    """Arguments with which a viewer shows an array that `to_shown` gave.

    Parameters
    ----------
    grid : Grid
        Of the array in the file's order.
    path : Path or str, optional
        The file it came from.

    Returns
    -------
    dict
        ``scale`` and ``translate`` (mm, in the order S, A, R), ``units``, ``axis_labels``, and ``metadata``
        with ``{"napari_osuda": {"path", "grid", "affine", "oblique_degrees"}}``, from which `from_layer`
        and the writer give back the exact grid.
    """
    turn = Reorientation(grid.affine, SHOWN_AXES)
    affine = turn.affine(grid)
    scale = np.array(turn.reorder(grid.spacing))
    middle = (np.array(turn.reorder(grid.shape)) - 1) / 2
    center = (affine[:3, :3] @ middle + affine[:3, 3])[::-1]
    return {
        "scale": tuple(scale.tolist()),
        "translate": tuple((center - scale * middle).tolist()),
        "units": ("mm",) * 3,
        "axis_labels": tuple(SHOWN_AXES),
        "metadata": {
            METADATA_KEY: {
                "path": None if path is None else str(path),
                "grid": grid,
                "affine": grid.affine,
                "oblique_degrees": oblique_degrees(grid),
            }
        },
    }


def oblique_degrees(grid: Grid) -> float:
    """Largest angle between an array axis and the patient's axis that it is nearest to, degrees."""
    affine = Reorientation(grid.affine, "RAS").affine(grid)[:3, :3]
    cosines = np.diag(affine) / np.linalg.norm(affine, axis=0)
    angle = float(np.degrees(np.arccos(np.clip(cosines, -1, 1))).max())
    # arccos turns the rounding of a float32 header into hundredths of a degree.
    return angle if angle > 0.05 else 0.0


def grid_of_layer(
    shape: Sequence[int],
    metadata: Mapping[str, Any],
    to_world: ArrayLike,
    axis_labels: Sequence[str] = (),
) -> Grid:
    """Find the grid of a viewer's layer, in the order that `from_layer` gives its array.

    A layer that `layer_arguments` made has its grid in the metadata. For any other the grid is that of the
    array as it is, by the viewer's whole transform: the axes of the viewer's world are taken from
    ``axis_labels`` where these are three axis codes such as S, A, R, and else as S, P, L, which is how an
    image looks right in a viewer that knows no orientation; such a grid is not ``placed``.

    Parameters
    ----------
    shape : sequence of three int
        Of the layer.
    metadata : mapping
        ``layer.metadata``.
    to_world : array [4, 4]
        From the layer's voxels to the viewer's world in millimeters: scale, rotation, shear, translation and
        affine together.
    axis_labels : sequence of str
        ``layer.axis_labels``.

    Raises
    ------
    CaseError
        The layer has not three axes, its transform is no usable one, or a layer that this package has opened
        was moved or scaled since.
    """
    if len(shape) != 3:
        how = ": right-click it, and choose Split Stack" if len(shape) > 3 else ""
        raise CaseError(f"The layer has {len(shape)} axes, and a volume of three is needed{how}.")
    matrix = np.asarray(to_world, np.float64)
    known = _known_grid(shape, metadata)
    if known is not None:
        shown = layer_arguments(known)
        expected = np.diag([*shown["scale"], 1.0])
        expected[:3, 3] = shown["translate"]
        # A layer without any transform has been given its image's metadata and says nothing against them.
        alike = [np.allclose(matrix, one, rtol=1e-4, atol=1e-3) for one in (expected, np.eye(4))]
        if not any(alike):
            raise CaseError(
                "The layer was moved, scaled or turned in the viewer, and masks would lie elsewhere in its "
                "file: open the file again."
            )
        return known
    named = _axes(axis_labels)
    to_patient = np.zeros((4, 4))
    to_patient[3, 3] = 1.0
    for axis, code in enumerate(named or _SCREEN_AXES):
        to_patient[patient_axis(code), axis] = 1.0 if code in "RAS" else -1.0
    return Grid((shape[0], shape[1], shape[2]), to_patient @ matrix, placed=named is not None)


def place_is_known(
    shape: Sequence[int], metadata: Mapping[str, Any], axis_labels: Sequence[str] = ()
) -> bool:
    """Whether a layer's orientation is known, or `grid_of_layer` can only take it as it looks."""
    return _known_grid(shape, metadata) is not None or _axes(axis_labels) is not None


def from_layer(array: NDArray[Any], metadata: Mapping[str, Any]) -> NDArray[Any]:
    """Bring a layer's array [S, A, R] to the order of its `grid_of_layer`; gives a view."""
    grid = _known_grid(array.shape, metadata)
    return array if grid is None else to_case_order(array, grid)


def onto_layer(array: NDArray[Any], metadata: Mapping[str, Any]) -> NDArray[Any]:
    """Bring an array on the grid of a layer to the layer's order: the inverse of `from_layer`; a view."""
    known = metadata.get(METADATA_KEY, {}).get("grid")
    return to_shown(array, known) if isinstance(known, Grid) and known.shape == array.shape else array


def _axes(axis_labels: Sequence[str]) -> str | None:
    try:
        return require_axes("".join(axis_labels))
    except ConfigError:
        return None


def _known_grid(shape: Sequence[int], metadata: Mapping[str, Any]) -> Grid | None:
    """Grid in the metadata, unless the layer was cropped or resampled since and kept them."""
    grid = metadata.get(METADATA_KEY, {}).get("grid")
    if not isinstance(grid, Grid):
        return None
    shown = Reorientation(grid.affine, SHOWN_AXES).reorder(grid.shape)
    return grid if tuple(shape) == shown else None
