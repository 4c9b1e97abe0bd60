"""A simulated patient: images of every contrast and the labels of the tumour, from a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_osuda.simulation.anatomy import Anatomy, Array, place_head, sample_anatomy
from napari_osuda.simulation.fields import smooth_noise
from napari_osuda.simulation.scanner import CONTRASTS, SCANNERS, Scanner
from napari_osuda.simulation.signal import TISSUES, Tissue, signal
from napari_osuda.simulation.tumour import Grade, Mask, grow_tumour, plan_tumour, push_aside

__all__ = ["LABELS", "SimulatedPatient", "simulate_patient"]

# The codes of BraTS up to 2021.
LABELS: dict[int, str] = {0: "background", 1: "necrotic or non-enhancing core", 2: "edema", 4: "enhancing"}
_CODE = {"oedema": 2, "necrosis": 1, "non-enhancing": 1, "low-grade": 1, "enhancing": 4}


@dataclass(frozen=True, eq=False)
class SimulatedPatient:
    """Images and reference of one patient.

    Attributes
    ----------
    images : dict of contrast to float32 array [I, J, K]
        Skull-stripped: exactly 0 outside the head and positive inside. Axes RAS.
    labels : uint8 array [I, J, K]
        Codes of `LABELS`.
    affine : float64 array [4, 4]
        Voxel index to RAS millimetres.
    """

    images: dict[str, Array]
    labels: NDArray[np.uint8]
    affine: NDArray[np.float64]


def simulate_patient(
    seed: int,
    grade: Grade | None = "high",
    scanner: Scanner = SCANNERS["A"],
    contrasts: Sequence[str] = CONTRASTS,
    spacing: tuple[float, float, float] | None = None,
) -> SimulatedPatient:
    """Simulate the MRI of a patient with a glioma.

    Parameters
    ----------
    seed : int
        Same seed, grade, scanner and spacing: the same patient, whichever contrasts are asked for.
    grade : {'high', 'low'} or None
        None is a patient without a tumour.
    scanner : Scanner
        The hospital's; the patient's own images vary around its protocol.
    contrasts : sequence of str
        Some of ``t1``, ``t1ce``, ``t2``, ``flair``.
    spacing : tuple of three float, optional
        Voxel, mm, left-right, front-back, up-down (the slice thickness); the scanner's by default.

    Returns
    -------
    SimulatedPatient

    Notes
    -----
    The head is built on slices thinner than the scanner's and averaged, so that thick slices have the
    partial volume that they have in practice. Each voxel's signal is the sum over its tissues of share
    times signal equation, where texture shifts the free water of a tissue and so T1, T2 and density
    together; then come the receive field, the point spread and Rician noise.
    """
    unknown = [c for c in contrasts if c not in CONTRASTS]
    if unknown:
        raise ValueError(f"Unknown contrast {unknown[0]!r}; known: {', '.join(CONTRASTS)}.")
    # A generator for each part: a change of one leaves the others' chances alone.
    heads, tumours, tissues, textures, protocol, *noises = np.random.default_rng(seed).spawn(
        5 + len(CONTRASTS)
    )
    spacing = spacing or scanner.spacing
    thin = max(1, round(spacing[2] / 1.5))
    fine = (spacing[0], spacing[1], spacing[2] / thin)
    mni = place_head(heads, fine)
    plan = plan_tumour(tumours, grade) if grade else None
    if plan:
        mni = push_aside(mni, plan)
    anatomy = _crop(sample_anatomy(heads, mni, fine), thin)
    parts = grow_tumour(tumours, anatomy, plan) if plan else {}
    shares = _tissue_shares(textures, anatomy, parts)
    own = _patient_tissues(tissues)
    scanner = scanner.on_the_day(protocol)

    shape = anatomy.grey.shape
    texture = {
        "healthy": 0.05 * smooth_noise(textures, shape, fine, 3.0)
        + 0.04 * smooth_noise(textures, shape, fine, 16.0),
        "tumour": 0.09 * smooth_noise(textures, shape, fine, 4.0)
        + 0.07 * smooth_noise(textures, shape, fine, 12.0),
    }
    uptake = np.clip(0.75 + 0.3 * smooth_noise(textures, shape, fine, 5.0), 0.2, 1.4)
    mask = _average(anatomy.mask.astype(np.float32), thin) >= 0.5
    images = {}
    for contrast, noise in zip(CONTRASTS, noises, strict=True):
        if contrast in contrasts:
            clean = _average(_image(shares, own, texture, uptake, scanner, contrast), thin)
            images[contrast] = _acquire(noise, clean, mask, own, scanner, contrast, spacing)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -(np.array(mask.shape) - 1) / 2 * spacing
    return SimulatedPatient({c: images[c] for c in contrasts}, _labels(parts, mask, thin), affine)


def _crop(anatomy: Anatomy, thin: int) -> Anatomy:
    """Cut the grid to the head and about 6 mm around it, whole slices of ``thin`` sub-slices each."""
    box = []
    for axis, mm in enumerate(anatomy.spacing):
        inside = np.flatnonzero(anatomy.mask.any(axis=tuple(a for a in range(3) if a != axis)))
        pad = round(6 / mm) if axis < 2 else thin
        first, last = max(inside[0] - pad, 0), min(inside[-1] + pad + 1, anatomy.mask.shape[axis])
        unit = thin if axis == 2 else 2
        box.append(slice(first, first + (last - first) // unit * unit))
    cut = tuple(box)
    return replace(
        anatomy,
        **{name: getattr(anatomy, name)[cut] for name in ("grey", "white", "csf", "mask", "ventricles")},
        mni=anatomy.mni[:, cut[0], cut[1], cut[2]],
    )


def _tissue_shares(rng: np.random.Generator, anatomy: Anatomy, parts: Mapping[str, Mask]) -> dict[str, Array]:
    """Shares of all tissues, [I, J, K] each, adding up to 1: healthy, changed with age, vessels, tumour."""
    shape, spacing = anatomy.grey.shape, anatomy.spacing
    grey, white, csf = anatomy.grey, anatomy.white, anatomy.csf

    # With age, white matter around the ventricles and in spots elsewhere changes; it is no tumour and not
    # labelled.
    severity = float(np.clip(rng.normal(0.1, 0.5), 0, 1.2))
    caps = anatomy.ventricles + 0.15 * smooth_noise(rng, shape, spacing, 9.0)
    spots = smooth_noise(rng, shape, spacing, 5.0) + anatomy.ventricles
    changed = np.maximum(_ramp(caps, 0.75 - 0.25 * severity, 0.15), _ramp(spots, 3.6 - 0.6 * severity, 0.3))
    changed = white * changed * min(1.0, 2 * severity)

    # Vessels are curves, where two smooth fields vanish at once, in and beside the fluid outside the brain.
    curve = np.square(smooth_noise(rng, shape, spacing, 13.0)) + np.square(
        smooth_noise(rng, shape, spacing, 13.0)
    )
    beside = _ramp(ndimage.gaussian_filter(csf, 1.0), 0.3, 0.3) * (1 - np.clip(2 * anatomy.ventricles, 0, 1))
    vessel = 0.9 * beside * _ramp(-curve, -0.02, 0.02)
    plexus = (
        0.6
        * csf
        * _ramp(anatomy.ventricles, 0.8, 0.2)
        * _ramp(smooth_noise(rng, shape, spacing, 8.0), 1.1, 0.4)
    )

    shares = {"grey": grey, "white": white - changed, "csf": csf, "white matter change": changed}
    shares = _overlay(shares, {"vessel": vessel, "choroid plexus": plexus})
    if not parts:
        return shares
    # Sub-voxel borders of the solid tumour; oedema fades out, and leaves the cortex mostly alone.
    voxel = [0.7 / mm for mm in spacing]
    tumour = {
        name: ndimage.gaussian_filter(part.astype(np.float32), voxel)
        for name, part in parts.items()
        if name != "oedema"
    }
    core = sum(tumour.values())
    whole = ndimage.gaussian_filter(
        np.logical_or.reduce(list(parts.values())).astype(np.float32), 1.6 * np.array(voxel)
    )
    wet = np.clip(0.92 + 0.08 * smooth_noise(rng, shape, spacing, 10.0), 0.5, 1.0)
    spared = 1 - 0.25 * grey - 0.9 * csf
    tumour["oedema"] = np.maximum(whole - core, 0) * wet * spared
    return _overlay(shares, tumour)


def _overlay(below: Mapping[str, Array], above: Mapping[str, Array]) -> dict[str, Array]:
    """Put tissues in the place of others, which keep their proportions in what is left."""
    left = np.clip(1 - sum(above.values()), 0, 1)
    return {name: share * left for name, share in below.items()} | dict(above)


def _patient_tissues(rng: np.random.Generator) -> dict[str, Tissue]:
    """Vary each tissue's times as they vary from person to person, more in tumours than in health."""
    own = {}
    for name, tissue in TISSUES.items():
        spread = 0.07 if name in _CODE or name == "white matter change" else 0.04
        t1, t2, density, uptake = np.exp(np.clip(rng.normal(0, [spread, spread, 0.02, 0.25]), -0.4, 0.4))
        own[name] = Tissue(
            {field: t * t1 for field, t in tissue.t1.items()},
            {field: t * t2 for field, t in tissue.t2.items()},
            tissue.density * density,
            tissue.uptake * uptake,
        )
    return own


def _image(
    shares: Mapping[str, Array],
    tissues: Mapping[str, Tissue],
    texture: Mapping[str, Array],
    uptake: Array,
    scanner: Scanner,
    contrast: str,
) -> Array:
    """Sum the tissues' signals, to first order in the texture."""
    sequence, field = scanner.sequences[contrast], scanner.field
    image = np.zeros_like(uptake)
    step = 0.1
    for name, share in shares.items():
        tissue = tissues[name]
        level = signal(tissue, sequence, field)
        slope = (signal(tissue, sequence, field, water=step) - level) / step
        water = texture["tumour" if name in _CODE else "healthy"]
        value = np.float32(level) + np.float32(slope) * water
        if sequence.contrast_agent and tissue.uptake > 0.1:
            dry = signal(tissue, sequence, field, uptake=0.0)
            value += np.float32(level - dry) * (uptake - 1)
        image += share * value
    return image


def _acquire(
    rng: np.random.Generator,
    clean: Array,
    mask: Mask,
    tissues: Mapping[str, Tissue],
    scanner: Scanner,
    contrast: str,
    spacing: tuple[float, float, float],
) -> Array:
    """Add receive field, point spread and Rician noise, and strip the skull."""
    level = signal(tissues["white"], scanner.sequences[contrast], scanner.field)
    shading = 0.85 * smooth_noise(rng, clean.shape, spacing, 80.0) + 0.5 * smooth_noise(
        rng, clean.shape, spacing, 45.0
    )
    image = clean * np.exp(np.float32(scanner.bias) * shading)
    image = ndimage.gaussian_filter(image, [scanner.blur / mm for mm in spacing[:2]] + [0])
    sigma = np.float32(scanner.noise * level)
    real, imaginary = (sigma * rng.standard_normal(image.shape, dtype=np.float32) for _ in range(2))
    # An arbitrary receiver gain, as scanners have.
    gain = np.float32(400 / level * np.exp(rng.normal(0, 0.3)))
    magnitude = gain * np.hypot(image + real, imaginary)
    result: Array = np.where(mask, np.maximum(magnitude, 1), 0).astype(np.float32)
    return result


def _average(fine: Array, thin: int) -> Array:
    """Average sub-slices to slices."""
    result: Array = fine.reshape(*fine.shape[:2], -1, thin).mean(axis=3)
    return result


def _labels(parts: Mapping[str, Mask], mask: Mask, thin: int) -> NDArray[np.uint8]:
    """Label the voxels that are tumour in at least half of their thickness, by its commonest class there."""
    labels = np.zeros(mask.shape, np.uint8)
    if not parts:
        return labels
    codes = sorted({_CODE[name] for name in parts})
    # Compartments of one code are disjoint, so their union is their sum.
    of_code = [
        np.logical_or.reduce([part for name, part in parts.items() if _CODE[name] == code]) for code in codes
    ]
    share = np.stack([_average(part.astype(np.float32), thin) for part in of_code])
    tumour = mask & (share.sum(axis=0) >= 0.5)
    labels[tumour] = np.array(codes, np.uint8)[share.argmax(axis=0)][tumour]
    return labels


def _ramp(value: Array, start: float, width: float) -> Array:
    """Rise from 0 at ``start`` to 1 at ``start + width``."""
    ramp: Array = np.clip((value - np.float32(start)) / np.float32(width), 0, 1)
    return ramp
