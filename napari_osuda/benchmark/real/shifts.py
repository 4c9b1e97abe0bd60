"""Shifts of acquisition, applied to a real image: what another scanner, coil or protocol does to it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_osuda.benchmark.patients import Patient
from napari_osuda.imaging import case_from_arrays

__all__ = ["SHIFTS", "Shift", "shifted"]

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Shift:
    """A change of acquisition.

    Attributes
    ----------
    name : str
    title : str
        In words, for tables.
    apply : callable
        Of intensities in units of the image's range (the 1st percentile is 0, the 99th is 1), voxel edges in
        mm, and a generator for what is left to chance; gives a new image.
    """

    name: str
    title: str
    apply: Callable[[Image, tuple[float, float, float], np.random.Generator], Image]


def _float32(values: NDArray[Any]) -> Image:
    return np.asarray(values, np.float32)


def _gamma(image: Image, spacing: tuple[float, ...], rng: np.random.Generator) -> Image:
    # On the image's own range: what lies beyond the percentiles keeps its order.
    low, high = float(image.min()), float(image.max())
    share = (image - low) / max(high - low, 1e-6)
    return _float32(low + (high - low) * share**0.45)


def _bias(image: Image, spacing: tuple[float, ...], rng: np.random.Generator) -> Image:
    """Multiply by the exponential of a random polynomial of second degree with the spread 0.5."""
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in image.shape), indexing="ij", sparse=True)
    field = np.zeros(image.shape)
    for i, one in enumerate(axes):
        field = field + rng.normal() * one
        for other in axes[i:]:
            field = field + rng.normal() * one * other
    field = (field - field.mean()) / max(field.std(), 1e-6)
    return _float32(image * np.exp(0.5 * field))


def _noise(image: Image, spacing: tuple[float, ...], rng: np.random.Generator) -> Image:
    """Rician noise, sd 0.15 in each of the two parts of the complex signal."""
    real, imaginary = rng.normal(0, 0.15, (2, *image.shape))
    return _float32(np.hypot(np.maximum(image, 0) + real, imaginary))


def _blur(image: Image, spacing: tuple[float, ...], rng: np.random.Generator) -> Image:
    """A Gaussian of 1.2 mm."""
    return _float32(ndimage.gaussian_filter(image, [1.2 / edge for edge in spacing], mode="nearest"))


def _thick(image: Image, spacing: tuple[float, ...], rng: np.random.Generator) -> Image:
    """Slices of 4 mm along the last axis, brought back to the image's own grid linearly."""
    by = max(2, round(4.0 / spacing[2]))
    count = -(-image.shape[2] // by)
    padded = np.pad(image, ((0, 0), (0, 0), (0, count * by - image.shape[2])), mode="edge")
    thick = padded.reshape(*image.shape[:2], count, by).mean(axis=3)
    position = (np.arange(image.shape[2]) - (by - 1) / 2) / by
    below = np.clip(np.floor(position).astype(int), 0, count - 1)
    above = np.minimum(below + 1, count - 1)
    share = np.clip(position - below, 0, 1).astype(np.float32)
    return _float32(thick[..., below] * (1 - share) + thick[..., above] * share)


def _inverted(image: Image, spacing: tuple[float, ...], rng: np.random.Generator) -> Image:
    """What is bright becomes dark, as from T1 to T2."""
    return _float32(np.clip(1 - image, 0, None))


SHIFTS: Mapping[str, Shift] = {
    shift.name: shift
    for shift in (
        Shift("gamma", "another gray scale (gamma 0.45)", _gamma),
        Shift("bias", "a strong bias field", _bias),
        Shift("noise", "noise", _noise),
        Shift("blur", "blur", _blur),
        Shift("thick", "slices of 4 mm", _thick),
        Shift("inverted", "inverted contrast", _inverted),
    )
}


def shifted(patient: Patient, shift: Shift) -> Patient:
    """A patient as another acquisition would show him; the same each time.

    Parameters
    ----------
    patient : Patient
        Left as it is.
    shift : Shift
    """
    case = patient.case
    rng = np.random.default_rng(zlib.crc32(f"{shift.name} {patient.name}".encode()))
    images = {}
    for channel, image in zip(case.channels, case.data, strict=True):
        low, high = np.percentile(image, (1, 99))
        reach = max(float(high - low), 1e-6)
        changed = shift.apply(((image - low) / reach).astype(np.float32), case.grid.spacing, rng)
        # Back in whole positive numbers of a scanner's range.
        images[channel] = np.round(np.maximum(changed * 1000, 0))
    made = case_from_arrays(case.name, images, case.grid)
    return replace(patient, case=replace(made, sources=case.sources))
