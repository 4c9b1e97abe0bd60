"""Gliomas: where they start, how they spread along white matter, and what they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_osuda.simulation.anatomy import Anatomy, Array, load_template
from napari_osuda.simulation.fields import smooth_noise

__all__ = ["Grade", "TumourPlan", "grow_tumour", "plan_tumour", "push_aside"]

Grade = Literal["high", "low"]
Mask = NDArray[np.bool_]

# Growth is followed this far from its start, mm.
_REACH = 52.0
# Diffusion of tumour cells, mm^2 a unit of time, in white and grey matter: Swanson et al., Cell Prolif 33
# (2000) 317, find five times and more in white matter. None in fluid, so a tumour goes round a sulcus and a
# ventricle.
_DIFFUSION_WHITE, _DIFFUSION_GREY = 8.0, 1.0
_TIME_STEP = 0.1


@dataclass(frozen=True)
class TumourPlan:
    """What is decided about a tumour before it grows.

    Attributes
    ----------
    grade : {'high', 'low'}
    centres : tuple of array [3]
        MNI millimetres of the start of each focus, the main one first.
    volume : float
        Of the whole tumour, ml.
    core : float
        Share of the core in the whole tumour.
    necrotic : float
        Share of necrosis in the core.
    non_enhancing : float
        Share of solid tumour without enhancement in the core.
    pressure : float
        Mass effect: largest relative stretch of the tissue at the centre.
    """

    grade: Grade
    centres: tuple[NDArray[np.float64], ...]
    volume: float
    core: float
    necrotic: float
    non_enhancing: float
    pressure: float

    @property
    def radius(self) -> float:
        """Radius of a sphere of the core's volume, mm."""
        return float((3 * self.volume * self.core * 1000 / (4 * np.pi)) ** (1 / 3))


def plan_tumour(rng: np.random.Generator, grade: Grade) -> TumourPlan:
    """Draw size, site and make-up of a tumour.

    Volumes follow the spread seen in the public glioma collections: tens of millilitres, now and then very
    small or very large. Low grades are mostly core without enhancement and with little oedema; a tenth to a
    quarter of them has an enhancing spot.
    """
    small = rng.random() < 0.1
    volume = rng.uniform(4, 12) if small else np.clip(rng.lognormal(np.log(75), 0.55), 12, 180)
    if grade == "high":
        core, necrotic, non_enhancing = rng.uniform(0.15, 0.6), rng.uniform(0.05, 0.6), rng.uniform(0, 0.3)
        if small or rng.random() < 0.1:
            necrotic = rng.uniform(0, 0.1)
    else:
        core, necrotic = rng.uniform(0.55, 0.9), 0.0
        non_enhancing = 1.0 if rng.random() < 0.8 else rng.uniform(0.94, 0.99)
    centres = [_draw_site(rng)]
    if grade == "high" and rng.random() < 0.15:
        centres.append(_draw_site(rng, near=centres[0]))
    return TumourPlan(
        grade=grade,
        centres=tuple(centres),
        volume=float(volume),
        core=float(core),
        necrotic=float(necrotic),
        non_enhancing=float(non_enhancing),
        pressure=float(rng.uniform(0.05, 0.3)),
    )


def push_aside(mni: Array, plan: TumourPlan) -> Array:
    """Stretch the tissue around the main focus, so that what lies beside it moves away: the mass effect.

    Parameters
    ----------
    mni : float32 array [3, I, J, K]
        From `place_head`.
    plan : TumourPlan

    Returns
    -------
    array like ``mni``
        Points near the centre now show tissue from nearer to it.
    """
    away = mni - plan.centres[0].astype(np.float32)[:, None, None, None]
    width = 1.5 * plan.radius + 8
    shrink = plan.pressure * np.exp(-np.square(away).sum(axis=0) / width**2)
    pushed: Array = mni - away * shrink
    return pushed


def grow_tumour(rng: np.random.Generator, anatomy: Anatomy, plan: TumourPlan) -> dict[str, Mask]:
    """Grow a tumour in a head.

    Parameters
    ----------
    rng : numpy.random.Generator
        The only source of chance.
    anatomy : Anatomy
        Healthy, with the mass effect in it.
    plan : TumourPlan

    Returns
    -------
    dict of tissue name to bool array [I, J, K]
        Disjoint; ``oedema`` and, by grade, ``enhancing``, ``non-enhancing``, ``necrosis`` or ``low-grade``.
    """
    shape, spacing = anatomy.grey.shape, anatomy.spacing
    ml = np.prod(spacing) / 1000
    starts = [_nearest_voxel(anatomy.mni, centre) for centre in plan.centres]
    arrival = np.full(shape, np.inf, np.float32)
    radial = np.full(shape, np.inf, np.float32)
    for start in starts:
        # A second focus is younger.
        delay = 0.0 if start is starts[0] else 0.5 * plan.radius
        box, focus_arrival, focus_radial = _spread(anatomy, start)
        arrival[box] = np.minimum(arrival[box], focus_arrival + delay)
        radial[box] = np.minimum(radial[box], focus_radial + delay)

    allowed = anatomy.mask & (anatomy.csf < 0.5) & np.isfinite(arrival)
    lobes = smooth_noise(rng, shape, spacing, 14.0)
    edge = smooth_noise(rng, shape, spacing, 6.0)
    size = (3 * plan.volume * 1000 / (4 * np.pi)) ** (1 / 3)
    ragged = np.minimum(size, 25.0) * (0.2 * lobes + 0.08 * edge)
    whole = _first(arrival + ragged, allowed, plan.volume / float(ml))
    whole = _keep_foci(whole, starts)

    # The solid tumour is rounder than its oedema.
    lobes = smooth_noise(rng, shape, spacing, 11.0)
    score = 0.25 * arrival + 0.75 * radial + plan.radius * (0.25 * lobes + 0.08 * edge)
    core = _keep_foci(_first(score, whole, plan.core * whole.sum()), starts)
    parts = {"oedema": whole & ~core}
    patches = smooth_noise(rng, shape, spacing, 9.0)
    if plan.grade == "low":
        solid = _first(patches, core, plan.non_enhancing * core.sum())
        return parts | {"low-grade": solid, "enhancing": core & ~solid}
    depth = ndimage.distance_transform_edt(core, sampling=spacing).astype(np.float32)
    # The rim is of uneven thickness, and where it is thin it has gaps.
    rim = smooth_noise(rng, shape, spacing, 8.0)
    necrosis = _first(-depth + 1.6 * rim + 0.5 * edge, core & (depth > 1.5), plan.necrotic * core.sum())
    solid = core & ~necrosis
    non_enhancing = _first(patches, solid, min(plan.non_enhancing * core.sum(), 0.7 * solid.sum()))
    return parts | {
        "necrosis": necrosis,
        "non-enhancing": non_enhancing,
        "enhancing": solid & ~non_enhancing,
    }


def _draw_site(rng: np.random.Generator, near: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Draw a place in the white matter above the tentorium, MNI mm; 25 to 45 mm from ``near`` if given."""
    template = load_template()
    step = 3
    sites = np.argwhere(template.white[::step, ::step, ::step] > 0.7) * step + template.origin
    x, y, z = sites.T
    sites = sites[(z > -22) & ((z > 0) | (y > -35)) & ((z > -8) | (np.abs(x) > 20))]
    if near is not None:
        apart = np.linalg.norm(sites - near, axis=1)
        sites = sites[(apart > 25) & (apart < 45) & (sites[:, 0] * near[0] > 0)]
        if not len(sites):
            return near
    site: NDArray[np.float64] = sites[rng.integers(len(sites))]
    return site


def _nearest_voxel(mni: Array, point: NDArray[np.float64]) -> tuple[int, ...]:
    away = np.square(mni - point.astype(np.float32)[:, None, None, None]).sum(axis=0)
    return tuple(int(i) for i in np.unravel_index(away.argmin(), away.shape))


def _spread(anatomy: Anatomy, start: tuple[int, ...]) -> tuple[tuple[slice, ...], Array, Array]:
    """Follow a focus by the reaction-diffusion equation of glioma growth.

    du/dt = div(D grad u) + u (1 - u) for the density u of tumour cells, without flux through fluid and
    through the falx (Swanson et al. 2000), on a grid of about 2.5 mm around the start.

    Returns
    -------
    box : tuple of slice
        The part of the grid that was followed.
    arrival : float32 array of the box
        When u passed 1/2, as the distance that the front covers in white matter meanwhile, mm; inf where it
        did not.
    radial : float32 array of the box
        Distance from the start, mm.
    """
    spacing = np.array(anatomy.spacing)
    stride = np.maximum(np.round(2.5 / spacing).astype(int), 1)
    reach = np.ceil(_REACH / spacing).astype(int)
    box = tuple(
        slice(max(i - r, 0), min(i + r + 1, n))
        for i, r, n in zip(start, reach, anatomy.grey.shape, strict=True)
    )
    origin = np.array([i - s.start for i, s in zip(start, box, strict=True)])
    coarse = tuple(slice(int(o % s), None, int(s)) for o, s in zip(origin, stride, strict=True))
    grey, white, csf = (a[box][coarse] for a in (anatomy.grey, anatomy.white, anatomy.csf))
    mask = anatomy.mask[box][coarse]
    diffusion = np.where(mask & (csf < 0.5), _DIFFUSION_WHITE * white + _DIFFUSION_GREY * grey, 0)
    # The falx: the midline between the hemispheres, but for the corpus callosum.
    falx = (np.abs(anatomy.mni[0][box][coarse]) < 2) & (white < 0.6)
    diffusion = np.where(falx, 0, diffusion).astype(np.float32)

    h = spacing * stride
    flux = []
    for axis in range(3):
        a, b = _neighbours(axis)
        # Harmonic mean: nothing passes a face with fluid on either side.
        product, total = diffusion[a] * diffusion[b], diffusion[a] + diffusion[b]
        flux.append(2 * product / np.maximum(total, 1e-6) * np.float32(_TIME_STEP / h[axis] ** 2))
    u = np.zeros(diffusion.shape, np.float32)
    u[tuple(origin // stride)] = 1
    arrival = np.full(u.shape, np.inf, np.float32)
    speed = 2 * np.sqrt(_DIFFUSION_WHITE)
    for step in range(int(1.3 * _REACH / (speed * _TIME_STEP))):
        change = np.float32(_TIME_STEP) * u * (1 - u)
        for axis in range(3):
            a, b = _neighbours(axis)
            flow = flux[axis] * (u[b] - u[a])
            change[a] += flow
            change[b] -= flow
        u += change
        arrival[np.isinf(arrival) & (u > 0.5)] = step * _TIME_STEP * speed

    shape = tuple(s.stop - s.start for s in box)
    index = np.meshgrid(
        *((np.arange(n) - c.start) / c.step for n, c in zip(shape, coarse, strict=True)), indexing="ij"
    )
    # Where the front did not come, the last moment plus one front width, so that interpolation has
    # something to work on.
    late = 1.3 * _REACH + 3
    fine = ndimage.map_coordinates(
        np.minimum(arrival, late), np.stack(index).astype(np.float32), order=1, mode="nearest"
    )
    fine[fine > late - 2] = np.inf
    away = [(np.arange(n) - o) * mm for n, o, mm in zip(shape, origin, spacing, strict=True)]
    radial = np.sqrt(sum(np.square(a) for a in np.meshgrid(*away, indexing="ij", sparse=True)))
    return box, fine.astype(np.float32), radial.astype(np.float32)


def _neighbours(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Index the two sides of every face across an axis."""
    lower, upper = [slice(None)] * 3, [slice(None)] * 3
    lower[axis], upper[axis] = slice(None, -1), slice(1, None)
    return tuple(lower), tuple(upper)


def _first(score: NDArray[np.floating[Any]], within: Mask, count: float) -> Mask:
    """Mark the ``count`` voxels of lowest score in ``within``."""
    result = np.zeros(within.shape, bool)
    values = score[within]
    count = int(min(round(count), values.size))
    if count:
        result[within] = values <= np.partition(values, count - 1)[count - 1]
    return result


def _keep_foci(mask: Mask, starts: list[tuple[int, ...]]) -> Mask:
    """Drop the specks, and fill the holes that the head's noise left: keep what is connected to a start."""
    closed = ndimage.binary_fill_holes(mask)
    pieces, count = ndimage.label(closed)
    if not count:
        return mask
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    wanted = {int(pieces[start]) for start in starts} - {0} or {int(sizes[1:].argmax()) + 1}
    kept: Mask = np.isin(pieces, sorted(wanted))
    return kept
