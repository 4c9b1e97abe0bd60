"""Grids, and images of one thing on any of them."""

from __future__ import annotations

import nibabel as nib
import numpy as np

from napari_osuda.imaging import Grid

FINE = np.array([[-1.0, 0, 0, 31.5], [0, 1.0, 0, -31.5], [0, 0, 1.0, -31.5], [0, 0, 0, 1]])
THICK = np.array([[-1.0, 0, 0, 31.5], [0, 1.0, 0, -31.5], [0, 0, 6.0, -29.0], [0, 0, 0, 1]])


def ball(grid, center=(0, 0, 0), radius=25.0):
    """A ball in air, brighter towards the patient's left: what it looks like does not depend on the grid."""
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"))
    place = np.tensordot(grid.affine[:3, :3], index, 1) + grid.affine[:3, 3, None, None, None]
    away = np.linalg.norm(place - np.reshape(center, (3, 1, 1, 1)), axis=0)
    return np.where(away < radius, 500 - 4 * place[0], 0).astype(np.float32)


def shifted(affine, mm):
    moved = affine.copy()
    moved[0, 3] += mm
    return moved


def save(path, grid, data, code=1):
    image = nib.Nifti1Image(data, grid.affine)
    image.set_sform(grid.affine, code=code)
    image.set_qform(grid.affine, code=code)
    nib.save(image, path)
    return path


def itk_image(path_or_grid, data=None):
    if data is None:
        return itk().ReadImage(str(path_or_grid))
    image = itk().GetImageFromArray(np.ascontiguousarray(data.transpose(2, 1, 0)))
    affine = np.diag([-1.0, -1, 1, 1]) @ path_or_grid.affine
    image.SetSpacing([float(v) for v in path_or_grid.spacing])
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetDirection((affine[:3, :3] / path_or_grid.spacing).ravel().tolist())
    return image


def random_grid(rng, shape, spacing):
    directions, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = directions * spacing
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2) + rng.uniform(-4, 4, 3)
    return Grid(shape, affine)


def itk():
    import SimpleITK

    return SimpleITK
