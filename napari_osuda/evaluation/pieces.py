"""The separate pieces of a mask, and those that another mask of the same case lacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from napari_osuda.evaluation.geometry import voxel_ml

__all__ = ["Piece", "count_pieces", "lost_pieces", "pieces_of"]


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece of a mask.

    Attributes
    ----------
    number : int
        From 1, the largest first.
    ml : float
    box : (slice, slice, slice)
        The voxels [I, J, K] that it lies within.
    own : bool array
        Within the box: other pieces may reach into it.
    widest : (int, int, int)
        Along each axis, the slice in which it is largest.
    """

    number: int
    ml: float
    box: tuple[slice, ...]
    own: NDArray[np.bool_]
    widest: tuple[int, ...]

    def is_in(self, mask: NDArray[Any]) -> bool:
        """Whether a mask [I, J, K] has a label at all of its voxels."""
        return bool((mask[self.box] != 0)[self.own].all())

    def slices(self, axis: int) -> range:
        """The slices along an array axis that it lies in."""
        return range(self.box[axis].start, self.box[axis].stop)


def pieces_of(marked: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Each piece's number at its voxels, the largest is 1, and how many there are.

    Parameters
    ----------
    marked : bool array
        Neighbors share a face, an edge or a corner.
    """
    numbers = np.zeros(marked.shape, np.int32)
    box, ranked, count = _ranked(marked)
    numbers[box] = ranked
    return numbers, count


def count_pieces(marked: NDArray[np.bool_]) -> int:
    """How many pieces `pieces_of` finds."""
    return _labeled(marked)[2]


def _labeled(marked: NDArray[np.bool_]) -> tuple[tuple[slice, ...], NDArray[np.signedinteger], int]:
    """The box that holds all that is marked, the number of each piece in it, and how many there are."""
    box = _around(marked)
    pieces, count = scipy.ndimage.label(marked[box], np.ones((3,) * marked.ndim))
    return box, pieces, int(count)


def _ranked(marked: NDArray[np.bool_]) -> tuple[tuple[slice, ...], NDArray[np.int32], int]:
    """As `_labeled`, the largest piece first."""
    box, pieces, count = _labeled(marked)
    # Stable: pieces of one size stay in the order of the array.
    order = np.argsort(-np.bincount(pieces[pieces > 0], minlength=count + 1)[1:], kind="stable")
    rank = np.zeros(count + 1, np.int32)
    rank[order + 1] = np.arange(1, count + 1)
    return box, rank[pieces], count


def _around(marked: NDArray[np.bool_]) -> tuple[slice, ...]:
    """The smallest box that holds all that is marked; an empty one where nothing is."""
    box = []
    for axis in range(marked.ndim):
        others = tuple(other for other in range(marked.ndim) if other != axis)
        places = np.flatnonzero(marked.any(axis=others))
        box.append(slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, 0))
    return tuple(box)


def lost_pieces(before: NDArray[Any], after: NDArray[Any], affine: ArrayLike) -> list[Piece]:
    """The pieces of ``before`` that ``after`` has no label in, the largest first.

    Parameters
    ----------
    before, after : integer array [I, J, K]
    affine : array_like, shape (4, 4)
        Voxel index to millimeters.
    """
    # Within the box of what is lost: the rest of an image is not gone over.
    around, numbers, count = _ranked((before != 0) & (after == 0))
    if not count:
        return []
    sizes, size = np.bincount(numbers.ravel()), voxel_ml(np.asarray(affine, np.float64))
    found = []
    for number, inner in enumerate(scipy.ndimage.find_objects(numbers), start=1):
        own = numbers[inner] == number
        box = tuple(
            slice(part.start + outer.start, part.stop + outer.start)
            for part, outer in zip(inner, around, strict=True)
        )
        others = [tuple(other for other in range(own.ndim) if other != axis) for axis in range(own.ndim)]
        widest = tuple(
            part.start + int(own.sum(axis=axes).argmax()) for part, axes in zip(box, others, strict=True)
        )
        found.append(Piece(number, float(sizes[number] * size), box, own, widest))
    return found
