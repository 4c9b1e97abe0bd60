"""Heads of simulated patients: the MNI152 tissue maps, deformed at random."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_osuda.simulation.fields import smooth_noise

__all__ = ["Anatomy", "Template", "load_template", "place_head", "sample_anatomy"]

Array = NDArray[np.float32]

# Field of view of the scan, mm: left-right, front-back, up-down. The largest heads, where they lie off its
# middle, lose a few millimetres at one side, as happens in practice.
_FIELD_OF_VIEW = (176.0, 216.0, 184.0)


@dataclass(frozen=True, eq=False)
class Template:
    """Tissue maps of the MNI152 template on its 1 mm grid, float32 in [0, 1], axes RAS.

    Attributes
    ----------
    grey, white : array [I, J, K]
        Share of grey and of white matter.
    head : array [I, J, K]
        The brain mask, smoothed: its level sets are tighter and looser skull-stripping.
    ventricles : array [I, J, K]
        1 at the lateral and third ventricles, falling off over about 1 cm.
    origin : array [3]
        MNI millimetres of the first voxel.
    """

    grey: Array
    white: Array
    head: Array
    ventricles: Array
    origin: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Anatomy:
    """One patient's healthy head on the patient's fine grid, arrays [I, J, K] float32 unless said.

    Attributes
    ----------
    grey, white, csf : array
        Shares that add up to 1 everywhere.
    mask : bool array
        What skull-stripping leaves.
    ventricles : array
        See `Template`.
    mni : array [3, I, J, K]
        MNI millimetres of each voxel.
    spacing : tuple of float
        mm.
    """

    grey: Array
    white: Array
    csf: Array
    mask: NDArray[np.bool_]
    ventricles: Array
    mni: Array
    spacing: tuple[float, float, float]


@lru_cache(maxsize=1)
def load_template() -> Template:
    """Load the MNI152 template that nilearn ships (nothing is downloaded); about 3 s, once in a process.

    Raises
    ------
    ImportError
        nilearn is not installed: ``pip install napari-osuda[simulation]``.
    """
    from nilearn.datasets import (
        load_mni152_gm_template,
        load_mni152_template,
        load_mni152_wm_template,
    )

    t1 = load_mni152_template(resolution=1)
    # Air on all sides, so that interpolation near the edge of the head finds it.
    margin = 8
    brain, grey, white = (
        np.pad(image.get_fdata(dtype=np.float32), margin)
        for image in (t1, load_mni152_gm_template(resolution=1), load_mni152_wm_template(resolution=1))
    )
    mask = brain > 0
    deep = ndimage.distance_transform_edt(mask) > 22
    fluid = (mask & deep & (grey + white < 0.5)).astype(np.float32)
    return Template(
        grey=grey,
        white=white,
        head=ndimage.gaussian_filter(mask.astype(np.float32), 2.5),
        ventricles=np.clip(2 * ndimage.gaussian_filter(fluid, 4.0), 0, 1),
        origin=t1.affine[:3, 3] - margin,
    )


def place_head(rng: np.random.Generator, spacing: tuple[float, float, float]) -> Array:
    """Deform the template's space: a random affine map and two scales of random elastic displacement.

    Parameters
    ----------
    rng : numpy.random.Generator
        The only source of chance.
    spacing : tuple of three float
        Of the patient's grid, mm.

    Returns
    -------
    float32 array [3, I, J, K]
        MNI millimetres of each voxel of the patient's grid, whose axes are RAS.
    """
    shape = tuple(int(np.ceil(extent / mm)) for extent, mm in zip(_FIELD_OF_VIEW, spacing, strict=True))
    angles = np.radians(rng.uniform(-7, 7, 3))
    stretch = rng.uniform(0.92, 1.08) * rng.uniform(0.95, 1.05, 3)
    linear = _rotation(angles) / stretch + rng.normal(0, 0.02, (3, 3))
    # The middle of the brain in MNI space lies in the middle of the grid.
    axes = [(np.arange(n) - (n - 1) / 2) * mm for n, mm in zip(shape, spacing, strict=True)]
    position = np.stack(np.meshgrid(*axes, indexing="ij")).astype(np.float32)
    mni = np.tensordot(linear.astype(np.float32), position, axes=1)
    mni += np.array([0.0, -17.0, 5.0], np.float32)[:, None, None, None]
    for scale, amplitude in ((45.0, 3.0), (18.0, 1.2)):
        for component in mni:
            component += amplitude * smooth_noise(rng, shape, spacing, scale)
    return mni


def sample_anatomy(rng: np.random.Generator, mni: Array, spacing: tuple[float, float, float]) -> Anatomy:
    """Give the tissues of a head whose voxels lie at ``mni``.

    The template is the mean of 152 brains and blurred accordingly. Raising its shares to a power makes its
    borders as sharp as one person's, and a random gain on each tissue, smooth over a gyrus, moves them:
    gyri, sulci and ventricles are wider here and narrower there, in every patient at other places.

    Parameters
    ----------
    rng : numpy.random.Generator
        The only source of chance.
    mni : array [3, I, J, K]
        From `place_head`.
    spacing : tuple of three float
        Of the patient's grid, mm.
    """
    template = load_template()
    shape = mni.shape[1:]
    index = mni - template.origin.astype(np.float32)[:, None, None, None]

    def sample(volume: Array) -> Array:
        sampled: Array = ndimage.map_coordinates(volume, index, order=1, mode="nearest")
        return sampled

    grey, white = sample(template.grey), sample(template.white)
    csf = np.clip(1 - grey - white, 0, 1)
    power = rng.uniform(2.5, 4.0)
    # Age: the older, the wider the sulci and ventricles.
    atrophy = rng.uniform(-0.3, 0.9)
    shares = []
    for share, gain, wander in ((grey, 0.1, 0.5), (white, 0.0, 0.5), (csf, atrophy, 0.7)):
        log_gain = gain + wander * smooth_noise(rng, shape, spacing, 7.0)
        shares.append(share**power * np.exp(log_gain))
    total = np.maximum(sum(shares), 1e-6)
    grey, white = shares[0] / total, shares[1] / total
    level = rng.uniform(0.25, 0.5) + 0.08 * smooth_noise(rng, shape, spacing, 15.0)
    mask = sample(template.head) > level
    return Anatomy(
        grey=grey,
        white=white,
        csf=1 - grey - white,
        mask=mask,
        ventricles=sample(template.ventricles),
        mni=mni,
        spacing=spacing,
    )


def _rotation(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation matrix for angles about the three axes, rad."""
    result = np.eye(3)
    for axis, angle in enumerate(angles):
        turn = np.eye(3)
        i, j = (k for k in range(3) if k != axis)
        turn[i, i] = turn[j, j] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        result = result @ turn
    return result
