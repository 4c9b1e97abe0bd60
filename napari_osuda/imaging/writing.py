"""Label files out, on the voxel grid of an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import OutputError, cannot_write
from napari_osuda.files import written_whole
from napari_osuda.imaging.formats.nifti import mm_per_unit
from napari_osuda.imaging.grid import Grid
from napari_osuda.lazy import nib

__all__ = ["label_type", "write_labels", "write_shares"]

# What of a NIfTI header says where the voxels are; the rest describes the intensities of the image.
_GEOMETRY = (
    *("pixdim", "xyzt_units", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d"),
    *("qoffset_x", "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z"),
)


def write_labels(path: Path | str, labels: NDArray[Any], grid: Grid) -> None:
    """Write labels as NIfTI on the grid of an image: whole or not at all.

    The file has the image's affine, sform and qform with their codes, and units, byte for byte where
    the image is NIfTI (for another format the affine is coded as scanner coordinates, or as aligned where
    the image does not say where it lies). Values are stored
    unscaled as uint8, or int16 or int32 where they do not fit.

    Parameters
    ----------
    path : Path or str
        Ends in ``.nii`` or ``.nii.gz``.
    labels : integer or bool array [I, J, K]
        In the array order of ``grid``.
    grid : Grid
        Of the case's first image.

    Raises
    ------
    OutputError
        The shape is not the grid's, the name has another suffix, or it cannot be written there.
    """
    path = Path(path)
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise OutputError(f"Labels are written as NIfTI: {path} must end in .nii.gz or .nii.")
    if labels.shape != grid.shape:
        raise OutputError(
            f"The labels are {labels.shape} and the image is {grid.shape}: {path} is not written."
        )
    dtype = label_type(labels) if labels.dtype.kind in "biu" else None
    if dtype is None:
        raise OutputError(
            f"Labels are whole numbers within 32 bits, not {labels.dtype}: {path} is not written."
        )
    image = _on_grid(labels.astype(dtype, copy=False), grid)
    image.header.set_intent("label", name="labels")
    _save(path, image)


def write_shares(path: Path | str, shares: NDArray[np.floating[Any]], grid: Grid) -> None:
    """Write a map of values from 0 to 1 as NIfTI on the grid of an image: whole or not at all.

    A byte a voxel, scaled by 1/255.

    Parameters
    ----------
    path : Path or str
        Ends in ``.nii`` or ``.nii.gz``.
    shares : float array [I, J, K]
        In the array order of ``grid``; what lies outside 0 to 1 is clipped.
    grid : Grid
        Of the case's first image.

    Raises
    ------
    OutputError
        The shape is not the grid's, or it cannot be written there.
    """
    path = Path(path)
    if shares.shape != grid.shape:
        raise OutputError(f"The map is {shares.shape} and the image is {grid.shape}: {path} is not written.")
    stored = np.rint(np.clip(shares.astype(np.float32), 0, 1) * 255).astype(np.uint8)
    image = _on_grid(stored, grid)
    image.header.set_slope_inter(1 / 255, 0)
    _save(path, image)


def _save(path: Path, image: Any) -> None:
    try:
        with written_whole(path) as partial:
            nib.save(image, partial)
    except OSError as error:
        raise cannot_write(path, error) from error


def _on_grid(labels: NDArray[Any], grid: Grid) -> Any:
    """Make a NIfTI image whose header holds the geometry of the grid's own, field by field."""
    large = max(labels.shape) > np.iinfo(np.int16).max
    # nibabel's classes carry no types.
    kind: Any = nib.Nifti2Image if large or isinstance(grid.header, nib.Nifti2Header) else nib.Nifti1Image
    known: Any = grid.header
    header = kind.header_class()
    if known is not None and np.allclose(_in_mm(known), grid.affine):
        header.set_data_shape(labels.shape)
        for field in _GEOMETRY:
            header[field] = known[field]
        header["pixdim"][4:] = 1
        # Without an affine nibabel leaves the header's sform and qform as they are.
        image = kind(labels, None, header)
    else:
        header.set_xyzt_units("mm")
        image = kind(labels, grid.affine, header)
        # Of an image that does not say where it lies, a mask must not claim to know.
        code = "scanner" if grid.placed else "aligned"
        image.set_sform(grid.affine, code=code)
        # A qform cannot hold shear; where it would say something else than the sform it stays uncoded.
        image.set_qform(grid.affine, code=code)
        if not np.allclose(image.get_qform(), grid.affine, atol=1e-3):
            image.set_qform(None, code="unknown")
    image.set_data_dtype(labels.dtype)
    return image


def _in_mm(header: Any) -> NDArray[np.float64]:
    affine = np.array(header.get_best_affine(), np.float64)
    affine[:3] *= mm_per_unit(header)
    return affine


def label_type(values: NDArray[Any]) -> type[np.integer[Any]] | None:
    """The smallest of uint8, int16 and int32 that holds ``values``; None where none of them does."""
    low, high = (values.min(), values.max()) if values.size else (0, 0)
    kinds: tuple[type[np.integer[Any]], ...] = (np.uint8, np.int16, np.int32)
    return next((t for t in kinds if np.iinfo(t).min <= low and high <= np.iinfo(t).max), None)
