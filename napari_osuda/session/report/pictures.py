"""Pictures of the slices that changed most: the image with the masks on it, as a radiologist looks at it."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import maximum_filter, minimum_filter

from napari_osuda.evaluation import DIFFERENCE, change_table, difference
from napari_osuda.imaging.grid import Grid, Reorientation
from napari_osuda.imaging.intensity.head import find_air, head_of
from napari_osuda.imaging.planes import AXIS_CODES, PLANE_TO_AXIS
from napari_osuda.session.report.html import Markup, join, number, tag
from napari_osuda.session.report.words import MASKS

__all__ = ["SlicePicture", "choose_slices", "data_uri", "overlay", "slice_figures", "slice_pictures"]

# Axes that run to where an axial picture's columns and rows run in the radiological view: the patient's right
# is on the left of the screen, and the front is up.
_VIEW = "LPS"
_SIDES = {"sagittal": ("A", "P"), "coronal": ("R", "L"), "axial": ("R", "L")}

# Slices this close look alike, so the second of them says little.
_APART_MM = 8.0
# Masks are drawn this much finer than the voxels, so that contours stay thin.
_FINER = 4


@dataclass(frozen=True)
class SlicePicture:
    """One slice as it is shown: arrays [rows, columns], the pixels' height and width in mm."""

    title: str
    image: NDArray[np.uint8]
    masks: dict[str, NDArray[Any]]
    pixel_mm: tuple[float, float]
    sides: tuple[str, str]


def slice_pictures(
    image: NDArray[Any],
    affine: NDArray[np.float64],
    masks: Mapping[str, NDArray[Any]],
    plane: str,
    count: int,
) -> list[SlicePicture]:
    """Cut up to ``count`` slices out of a case.

    Parameters
    ----------
    image : ndarray, shape [I, J, K]
    affine : ndarray, shape (4, 4)
        Voxel index to RAS millimeters.
    masks : mapping of str to ndarray of int, shape [I, J, K]
        By title. Slices are those where "before" and "after" differ most.
    plane : str
        "axial", "coronal" or "sagittal"; anything else (a volume) is shown in axial slices.
    count : int

    Returns
    -------
    list of SlicePicture
        Cropped to the head, in the order of the slices.
    """
    plane = plane if plane in PLANE_TO_AXIS else "axial"
    axis = PLANE_TO_AXIS[plane]
    grid = Grid(image.shape, affine)
    view = Reorientation(affine, _VIEW)
    spacing = view.reorder(grid.spacing)
    volume = view.apply(np.asarray(image, dtype=np.float32))
    head, low, high = _window(volume)
    shown = {title: view.apply(mask) for title, mask in masks.items()}
    box = _box(head, axis)
    center = np.append((np.array(head.shape) - 1) / 2, 1.0)
    pictures = []
    for index in choose_slices(shown, spacing, axis, count):
        center[axis] = index
        mm = float((view.affine(grid) @ center)[axis])
        pictures.append(
            SlicePicture(
                title=f"{plane.capitalize()} slice {_viewer_slice(index, axis, head.shape[axis])}, at "
                f"{AXIS_CODES[axis][mm > 0]} {number(abs(mm), 1)} mm",
                image=_gray(_flat(volume, axis, index), _flat(head, axis, index), low, high)[box],
                masks={title: _flat(mask, axis, index)[box] for title, mask in shown.items()},
                pixel_mm=(spacing[1] if axis == 2 else spacing[2], spacing[1] if axis == 0 else spacing[0]),
                sides=_SIDES[plane],
            )
        )
    return pictures


def _viewer_slice(index: int, axis: int, count: int) -> int:
    # The viewer counts towards S, A and R, and these arrays run towards L, P and S.
    return index if axis == 2 else count - 1 - index


def choose_slices(
    masks: Mapping[str, NDArray[Any]], spacing: tuple[float, ...], axis: int, count: int
) -> list[int]:
    """Slices where before and after differ most; where nothing does, that with most foreground."""
    first = next(iter(masks.values()))
    if "before" in masks and "after" in masks:
        apart = max(1, round(_APART_MM / spacing[axis]))
        table = change_table(masks["before"], masks["after"], spacing, axis)
        if chosen := table.most_changed(count, apart):
            return chosen
    area = np.count_nonzero(first, axis=tuple(k for k in range(3) if k != axis))
    return [int(area.argmax()) if area.any() else first.shape[axis] // 2]


def slice_figures(
    identity: str,
    pictures: list[SlicePicture],
    colors: Mapping[int, str],
    image_name: str,
    names: Mapping[str, str] = MASKS,
) -> Markup:
    """Draw each slice as a row: the image, each mask on it, and the difference of before and after.

    Parameters
    ----------
    identity : str
        Makes the ids of these pictures unique on the page.
    pictures : list of SlicePicture
    colors : mapping of int to str
        ``#rrggbb`` of each label value.
    image_name : str
    names : mapping of str to str
        What each mask is called.
    """
    difference_colors = {value: color for value, (_, color) in DIFFERENCE.items()}
    figures = []
    for n, picture in enumerate(pictures):
        name = f"{identity}-{n}"
        panels = [_panel(picture, name, image_name, None, "the image alone")]
        caption = picture.title
        for title, mask in picture.masks.items():
            panels.append(
                _panel(picture, name, names[title], overlay(mask, colors), f"the {names[title]} mask")
            )
            if title == "after" and "before" in picture.masks:
                before = picture.masks["before"]
                marked = overlay(difference(before, mask), difference_colors)
                panels.append(_panel(picture, name, "difference", marked, "what was gained, lost and kept"))
                caption += f"; voxels changed: {np.count_nonzero(before != mask):,}"
        figures.append(
            tag("figure", tag("div", *panels, class_="panels"), tag("figcaption", caption), class_="slice")
        )
    return join(figures)


def _panel(
    picture: SlicePicture, name: str, title: str, marked: NDArray[np.uint8] | None, alt: str
) -> Markup:
    rows, columns = picture.image.shape
    height, width = rows * picture.pixel_mm[0], columns * picture.pixel_mm[1]
    box = {"width": f"{width:.2f}", "height": f"{height:.2f}", "preserveAspectRatio": "none"}
    if marked is None:
        # The first panel holds the image once; the others show it again.
        layers = [tag("image", id=name, href=data_uri(picture.image), **box)]
    else:
        layers = [tag("use", href=f"#{name}"), tag("image", href=data_uri(marked), **box)]
    left, right = picture.sides
    bar = {"x1": 6, "x2": 56, "y1": f"{height - 6:.2f}", "y2": f"{height - 6:.2f}", "class_": "bar"}
    drawing = tag(
        "svg",
        *layers,
        tag("text", left, x=4, y=f"{height / 2:.2f}"),
        tag("text", right, x=f"{width - 4:.2f}", y=f"{height / 2:.2f}", text_anchor="end"),
        tag("line", **bar) if width > 90 else None,
        viewBox=f"0 0 {width:.2f} {height:.2f}",
        role="img",
        aria_label=f"{picture.title}: {alt}; {left} is on the left",
    )
    return tag("div", drawing, tag("div", title, class_="name"), class_="panel")


def overlay(mask: NDArray[Any], colors: Mapping[int, str]) -> NDArray[np.uint8]:
    """Draw a mask [rows, columns] as RGBA, four times as fine: each label a tint within a contour."""
    fine = mask.repeat(_FINER, axis=0).repeat(_FINER, axis=1)
    picture = np.zeros((*fine.shape, 4), dtype=np.uint8)
    # The contour is what lies within half a voxel of another label.
    inner = minimum_filter(fine, _FINER + 1) == maximum_filter(fine, _FINER + 1)
    for value in np.unique(mask[mask != 0]).tolist():
        here = fine == value
        # A label that the card does not know must not go unseen.
        color = colors.get(value, "#ffffff").removeprefix("#")
        picture[here, :3] = np.frombuffer(bytes.fromhex(color), dtype=np.uint8)
        picture[here, 3] = np.where(inner[here], 90, 255)
    return picture


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """PNG of gray [h, w], RGB [h, w, 3] or RGBA [h, w, 4] pixels, written into an address."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _window(volume: NDArray[np.float32]) -> tuple[NDArray[np.bool_], float, float]:
    """Where the volume's head is, and the 1st and 99.5th percentile of it: between them it is shown."""
    finite = np.isfinite(volume)
    known = np.where(finite, volume, np.float32(0))
    foreground = finite & head_of(known, find_air(known))
    if not foreground.any():
        return foreground, 0.0, 0.0
    low, high = np.percentile(volume[foreground], (1.0, 99.5))
    return foreground, float(low), float(high)


def _gray(
    plane: NDArray[np.float32], inside: NDArray[np.bool_], low: float, high: float
) -> NDArray[np.uint8]:
    """Draw one slice between two values; air stays black."""
    drawn = np.zeros(plane.shape, dtype=np.uint8)
    # In float64: where all of the head is equally bright, what is brighter would overflow float32.
    scaled = (plane[inside].astype(np.float64) - low) / max(high - low, float(np.finfo(np.float32).tiny))
    # Head never becomes the 0 of the background.
    drawn[inside] = (1 + 254 * np.clip(np.nan_to_num(scaled), 0.0, 1.0)).astype(np.uint8)
    return drawn


def _box(head: NDArray[np.bool_], axis: int) -> tuple[slice, slice]:
    """Rows and columns that hold the head in any slice, and a margin."""
    flat = _flat(np.asarray(head.any(axis=axis, keepdims=True)), axis, 0)
    box = []
    for k in (0, 1):
        where = np.flatnonzero(flat.any(axis=1 - k))
        first, last = (where[0], where[-1]) if where.size else (0, flat.shape[k] - 1)
        margin = 4
        box.append(slice(max(0, int(first) - margin), int(last) + 1 + margin))
    return box[0], box[1]


def _flat(volume: NDArray[Any], axis: int, index: int) -> NDArray[Any]:
    """One slice [rows, columns] of a volume in LPS axes, in the radiological view."""
    # A view: np.take would first copy a volume whose memory is ordered otherwise.
    plane: NDArray[Any] = volume[(slice(None),) * axis + (index,)]
    # The feet-to-head axis comes second in the other planes, and the head is up.
    return plane.T if axis == 2 else plane[:, ::-1].T
