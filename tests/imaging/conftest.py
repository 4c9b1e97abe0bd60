import numpy as np
import pytest
from hypothesis import settings

from napari_osuda.imaging import Grid

# A machine that is busy with something else is no failure.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

PAIRS = ("RL", "AP", "SI")


@pytest.fixture(scope="session")
def make_grid():
    """Makes a grid whose array axes run along ``axes``, turned about the body's axis by some degrees."""

    def make(axes="RAS", shape=(5, 6, 7), spacing=(1.0, 1.0, 1.0), origin=(-10.0, 20.0, -30.0), oblique=0.0):
        matrix = np.zeros((3, 3))
        for column, (code, mm) in enumerate(zip(axes, spacing, strict=True)):
            row = next(i for i, pair in enumerate(PAIRS) if code in pair)
            matrix[row, column] = mm if code in "RAS" else -mm
        cos, sin = np.cos(np.radians(oblique)), np.sin(np.radians(oblique))
        affine = np.eye(4)
        affine[:3, :3] = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]) @ matrix
        affine[:3, 3] = origin
        return Grid(shape, affine)

    return make


@pytest.fixture(scope="session")
def world_coordinates():
    """Gives the RAS millimeters of every voxel of a grid, [3, I, J, K]."""

    def coordinates(grid):
        index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"))
        return np.tensordot(grid.affine[:3, :3], index, 1) + grid.affine[:3, 3, None, None, None]

    return coordinates
