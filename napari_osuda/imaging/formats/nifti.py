"""NIfTI, Analyze and MGH files: opened so that what is damaged becomes a sentence, with their geometry."""

from __future__ import annotations

import gzip
import io
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from napari_osuda.errors import CaseError
from napari_osuda.imaging.formats.stored import require_stored
from napari_osuda.imaging.grid import Grid, Reorientation, corners_apart
from napari_osuda.lazy import nib

__all__ = [
    "NIFTI_SUFFIXES",
    "files_of_nifti",
    "forms_disagree",
    "mm_per_unit",
    "nifti_grid",
    "opened",
    "spatial_shape",
]

NIFTI_SUFFIXES = (".nii.gz", ".nii", ".hdr", ".img", ".mgz", ".mgh")

# Codes of the header's unit of space (the lowest three bits of xyzt_units), mm; an unknown unit counts as mm.
_MM = {1: 1e3, 2: 1.0, 3: 1e-3}
# Bytes of the longest header, of what may stand between it and the voxels, and behind them; of a header that
# is a file of its own; and those that are read at once.
_LONGEST_HEADER, _LONGEST_EXTENSIONS, _LEFT_OVER = 540, 2**26, 2**26
_LONGEST_BESIDE, _PIECE = 2**18, 2**20
# Bytes of an MGH header, and of its voxels by their code; where it says whether it knows an orientation.
_MGH_HEADER, _MGH_BYTES, _RAS_FLAG = 284, {0: 1, 1: 4, 3: 4, 4: 2, 10: 2}, 28
# Intents by which the values of a voxel belong together: matrices, displacements, vectors, points and colors.
_VECTORS = (1004, 1005, 1006, 1007, 1008, 1009, 1010, 2003, 2004)
# Of two voxel sizes that are one: templates differ by more, and rounding by less.
_SIZES_ALIKE = 0.02


def mm_per_unit(header: Any) -> float:
    """Millimeters in the unit of space that a NIfTI header names: nibabel gives affines in that unit."""
    return _MM.get(int(header["xyzt_units"]) & 7, 1.0)


def nifti_grid(image: Any, path: Path) -> Grid:
    """The voxel grid of an image, in millimeters whatever its header counts in.

    Raises
    ------
    CaseError
        The header gives the voxels no usable place or size.
    """
    _require_sizes(image, path)
    header = image.header if isinstance(image.header, nib.Nifti1Header) else None
    affine = np.array(image.affine, np.float64)
    if header is not None:
        affine[:3] *= mm_per_unit(header)
    try:
        return Grid(image.shape[:3], affine, header, placed=_is_placed(image, path))
    except CaseError as error:
        raise CaseError(f"{path}: {error}") from error


def forms_disagree(grid: Grid) -> bool:
    """Whether a header's sform, which is used, and its qform or voxel size say two things.

    These are other directions or sizes, or two places of one name. The sform is used, as nibabel and most
    programs do. Where it leads to a template, its millimeters are not the patient's.
    """
    header: Any = grid.header
    if header is None or not header["sform_code"] > 0:
        return False
    steps = np.abs(np.array(header["pixdim"][1:4], np.float64)) * mm_per_unit(header)
    # Of a size that is not set, nothing is said.
    if (
        np.isfinite(steps).all()
        and steps.min() > 0
        and not np.allclose(steps, grid.spacing, rtol=_SIZES_ALIKE)
    ):
        return True
    if not header["qform_code"] > 0:
        return False
    try:
        other = np.array(header.get_qform(), np.float64)
        other[:3] *= mm_per_unit(header)
        qform = Grid(grid.shape, other)
    except (ValueError, CaseError, nib.spatialimages.HeaderDataError):
        # A qform that cannot be is not one that says something else.
        return False
    turned = Reorientation.between(qform, grid)
    if any(turned.flips) or turned.reorder(range(3)) != (0, 1, 2):
        return True
    # Of one name two places are one too many; a registration gives the sform another name.
    same_name = header["sform_code"] == header["qform_code"]
    return bool(same_name) and corners_apart(qform, grid) > max(grid.spacing)


def _require_sizes(image: Any, path: Path) -> None:
    """CaseError where the sizes of voxels, if they are needed, are none: nibabel takes 1 mm for 0."""
    header = image.header
    if not isinstance(header, nib.AnalyzeHeader):
        return
    if isinstance(header, nib.Nifti1Header) and header["sform_code"] > 0:
        return
    file = files_of_nifti(path)[0]
    open_file: Any = gzip.open if file.suffix.lower() == ".gz" else open
    with open_file(file, "rb") as stream:
        start = stream.read(len(header.binaryblock))
    steps = type(header)(start, endianness=header.endianness, check=False)["pixdim"][1:4]
    if not np.isfinite(steps).all() or (steps == 0).any():
        raise CaseError(
            f"{path} gives its voxels the size {' x '.join(f'{v:g}' for v in steps)}, which is not possible: "
            "correct pixdim in the header, or convert the images again."
        )


def files_of_nifti(path: Path) -> tuple[Path, ...]:
    """The file, or of a pair the header and the image, whichever of them is given."""
    if path.suffix.lower() not in (".hdr", ".img"):
        return (path,)
    upper = path.suffix.isupper()
    pair = [path.with_suffix(suffix.upper() if upper else suffix) for suffix in (".hdr", ".img")]
    return tuple(part for part in pair if part.is_file())


def _is_placed(image: Any, path: Path) -> bool:
    """Whether a header says how the voxels lie in the scanner, and not how large they are alone."""
    header = image.header
    if isinstance(header, nib.MGHImage.header_class):
        # nibabel fills in an orientation where the flag says that there is none, and sets the flag.
        open_file: Any = gzip.open if path.suffix.lower() == ".mgz" else open
        with open_file(path, "rb") as stream:
            return bool(any(stream.read(_RAS_FLAG + 2)[_RAS_FLAG:]))
    if isinstance(header, nib.Nifti1Header):
        return bool(header["qform_code"] > 0 or header["sform_code"] > 0)
    # Analyze knows no directions; SPM's own kind of it keeps an affine in a file beside.
    return not isinstance(header, nib.AnalyzeHeader)


def spatial_shape(image: Any, path: Path) -> tuple[int, ...]:
    """Shape without axes of length one beyond the third: three or four axes.

    Raises
    ------
    CaseError
        The image has another number of axes, no voxels, or voxels that are no single numbers.
    """
    whole = tuple(int(n) for n in image.shape)
    intent = int(image.header["intent_code"]) if isinstance(image.header, nib.Nifti1Header) else 0
    if len(whole) > 4 and math.prod(whole[4:]) > 1 and intent in _VECTORS:
        raise CaseError(
            f"{path} has the shape {whole}, and {math.prod(whole[4:])} values a voxel, as a vector has. "
            "Save each as a volume of its own."
        )
    shape = whole[:3] + tuple(n for n in whole[3:] if n != 1)
    if len(shape) not in (3, 4) or 0 in shape:
        raise CaseError(f"{path} has the shape {whole}, and a volume of three axes is needed.")
    dtype = image.get_data_dtype()
    if dtype.kind not in "biuf":
        raise CaseError(f"{path} holds {dtype} values; an MRI volume has one real number a voxel.")
    return shape


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open an image to read its voxels, and turn what a damaged file does to that into one sentence.

    Whoever made it may mean harm: no memory is taken for voxels that the file cannot hold, and what stands
    between header and voxels (extensions, which nibabel would parse) is passed over.
    """
    try:
        if path.suffix.lower() in (".hdr", ".img"):
            yield _pair(path)
            return
        packed = path.suffix.lower() in (".gz", ".mgz")
        with gzip.open(path) if packed else open(path, "rb") as stream:
            start = bytes(stream.read(_LONGEST_HEADER))
            kind, voxels, needed, offset, start = (
                _mgh(start) if path.suffix.lower() in (".mgh", ".mgz") else _nifti(start, path)
            )
            if packed:
                require_stored(path, offset + needed, "gzip", voxels=voxels)
            else:
                require_stored(path, needed, "raw", offset)
            # A memory map would ask where a compressed file ends, and so read all of it.
            held = nib.FileHolder(fileobj=_Beginning(stream, start))
            yield kind.from_file_map({"image": held}, mmap=False)
            if packed:
                _read_on(stream, path)
    except CaseError:
        raise
    except PermissionError as error:
        raise CaseError(f"{path} may not be read: {error.strerror}.") from error
    except MemoryError as error:
        raise CaseError(f"{path} does not fit into memory; its header may be damaged.") from error
    except Exception as error:  # nibabel, gzip and zlib share no base class for what a damaged file does
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise CaseError(
            f"{path} cannot be read; it is damaged, cut short or not an MRI file ({reason})."
        ) from error


class _Beginning(io.RawIOBase):
    """A file whose first bytes read as these, and that is read piece by piece however much is wanted."""

    def __init__(self, stream: Any, start: bytes) -> None:
        super().__init__()
        self._stream, self._start = stream, start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("where it ends is not asked")
        return int(self._stream.seek(offset))

    def tell(self) -> int:
        return int(self._stream.tell())

    def readinto(self, buffer: Any, /) -> int:
        view, done = memoryview(buffer).cast("B"), 0
        at = self.tell()
        while done < len(view) and (part := self._stream.read(min(len(view) - done, _PIECE))):
            view[done : done + len(part)] = part
            done += len(part)
        ours = self._start[at : at + done]
        view[: len(ours)] = ours
        return done


def _nifti(start: bytes, path: Path) -> tuple[Any, int, int, int, bytes]:
    """Class, number and bytes of the voxels, the first of them, and the header as it is to be read.

    The standard has voxels of a single file begin behind the header (a vox_offset below 352 counts as 352,
    also one that is no number), and nibabel takes the number as it is.
    """
    kinds: list[tuple[Any, int, int]] = [(nib.Nifti1Image, 344, 348), (nib.Nifti2Image, 4, 540)]
    found = [k for k in kinds if start[k[1] : k[1] + 2] == b"n+" and len(start) >= k[2]]
    if not found:
        raise ValueError("it does not begin as a NIfTI file does")
    kind, _, size = found[0]
    header = kind.header_class(start[:size], check=False)
    offset = float(header["vox_offset"])
    if not offset >= size + 4:
        offset = size + 4
        header["vox_offset"] = offset
    if offset > _LONGEST_EXTENSIONS:
        raise CaseError(f"{path} has its voxels {offset:,.0f} bytes behind its header: it is damaged.")
    voxels = math.prod(header.get_data_shape())
    needed = voxels * header.get_data_dtype().itemsize
    # Four zeros: there are no extensions.
    return kind, voxels, needed, int(offset), header.binaryblock + bytes(4)


def _mgh(start: bytes) -> tuple[Any, int, int, int, bytes]:
    """As `_nifti`, of a file of FreeSurfer."""
    sizes = struct.unpack_from(">6i", start)[1:]
    if min(sizes[:4]) < 1:
        raise ValueError(f"its sizes are {sizes[:4]}")
    voxels = math.prod(sizes[:4])
    return nib.MGHImage, voxels, voxels * _MGH_BYTES.get(sizes[4], 1), _MGH_HEADER, b""


def _pair(path: Path) -> Any:
    """An image whose header is a file of its own."""
    # SPM keeps an affine in a .mat beside.
    for part in (*files_of_nifti(path), path.with_suffix(".mat")):
        if part.suffix.lower() == ".img" or not part.exists():
            continue
        if not part.is_file() or part.stat().st_size > _LONGEST_BESIDE:
            raise CaseError(f"{part} is too large for the header of an image. Export the image again.")
    # A memory map would tie the data to a file that the user may move or replace.
    image: Any = nib.load(path, mmap=False)
    needed = math.prod(image.shape) * image.get_data_dtype().itemsize
    file = Path(image.file_map["image"].filename)
    require_stored(file, needed, "raw", int(image.dataobj.offset))
    return image


def _read_on(stream: Any, path: Path) -> None:
    """Read to the end: the checksum stands behind the last voxel, where nibabel stops reading."""
    left = _LEFT_OVER
    while part := stream.read(_PIECE):
        left -= len(part)
        if left < 0:
            raise CaseError(
                f"{path} holds far more than its header describes: it is damaged or malicious. "
                "Export it again."
            )
