"""One DICOM file: what it says of itself, and its pixels. Needs pydicom (extra dicom)."""

from __future__ import annotations

import io
import os
import re
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError
from napari_osuda.imaging.dicom.elements import HeaderElements, PixelElements, elements_of, text_of
from napari_osuda.imaging.dicom.frames import Frame, frames_of
from napari_osuda.imaging.dicom.tiles import tiled
from napari_osuda.imaging.formats.stored import require_growth

__all__ = ["DicomHeader", "header_of", "is_dicom", "pixels_of", "require"]

_SUFFIXES = (".dcm", ".ima", ".dicom")
# What other readers take by name: never opened to look for DICOM in it.
_NEVER = (
    *(".nii", ".gz", ".hdr", ".img", ".mgz", ".mgh", ".nrrd", ".nhdr", ".mha", ".mhd", ".raw"),
    *(".json", ".csv", ".txt", ".html", ".yaml", ".npz", ".png", ".jpg", ".tif", ".zip", ".pt", ".py"),
)
_TAGS: list[Any] = [
    "SeriesInstanceUID", "SeriesDescription", "ProtocolName", "SeriesNumber", "Modality", "SOPInstanceUID",
    "ImageType", "AcquisitionMatrix", "PhotometricInterpretation", "FrameOfReferenceUID", "PatientID",
    "BitsStored", "HighBit", "ModalityLUTSequence", "ComplexImageComponent",
    "Rows", "Columns", "NumberOfFrames", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing",
    "SliceThickness", "SpacingBetweenSlices", "RescaleSlope", "RescaleIntercept",
    "InstanceNumber", "EchoTime", "TemporalPositionIdentifier", "DiffusionBValue",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    # Siemens: number of images in a mosaic; United Imaging: the pictures of a grid.
    0x0019100A, 0x00651050,
]  # fmt: skip
_NO_IMAGES = ("SEG", "SR", "PR", "KO", "REG", "RTSTRUCT", "RTPLAN", "RTDOSE")
# What is no magnitude, in the words of the image type.
_PARTS = {"P", "PHASE", "PHASE MAP", "R", "REAL", "I", "IMAGINARY"}
_PIECE = 2**20
_NUMBER = re.compile(r"-?[0-9]{1,12}", re.ASCII)
_LEAST_ELEMENTS = (0x0000, 0x0001, 0x0005, 0x0008, 0x0012, 0x0016)


@dataclass(frozen=True, eq=False)
class DicomHeader:
    """What a file says of itself.

    Attributes
    ----------
    path : Path
    series, instance, frame_of_reference, patient : str
        SeriesInstanceUID, SOPInstanceUID, FrameOfReferenceUID and PatientID; "" where there is none.
    description : str
        SeriesDescription, else ProtocolName, else "".
    number : int or None
        SeriesNumber.
    is_image : bool
        It holds pixels, and is no segmentation, report, plan or the like.
    is_placed : bool
        It says where in the scanner it lies, as captures of a screen do not.
    frames : tuple of Frame
        Its slices; none where the file does not say where they lie.
    problem : str
        Why an image has no slices that can be placed; "" where it has.
    is_magnitude : bool
        It is no phase, and no real or imaginary part.
    """

    path: Path
    series: str
    instance: str
    frame_of_reference: str
    patient: str
    description: str
    number: int | None
    is_image: bool
    is_placed: bool
    frames: tuple[Frame, ...]
    problem: str
    is_magnitude: bool = True


def require(module: str) -> Any:
    """Import pydicom or highdicom.

    Raises
    ------
    CaseError
        It is not installed; the sentence says how to.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise CaseError(
            f"DICOM needs {module.split('.')[0]}, which is not installed: pip install 'napari-osuda[dicom]'."
        ) from error


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM: by its first bytes, or by its suffix where it has no preamble."""
    name = path.name.lower()
    if name.startswith(".") or name.endswith(_NEVER) or name == "dicomdir" or not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as stream:
            start = stream.read(132)
    except OSError:
        return False
    return start[128:] == b"DICM" or name.endswith(_SUFFIXES) or _begins_bare(start)


def header_of(path: Path) -> DicomHeader:
    """Read what a file says of itself; kept for as long as the file does not change.

    Raises
    ------
    CaseError
        pydicom is missing, or the file cannot be read.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise CaseError(f"{path} cannot be read: {error.strerror}.") from error
    return _read_header(path, status.st_mtime_ns, status.st_size)


def pixels_of(path: Path) -> NDArray[Any]:
    """The stored values of a file's slices, [rows, columns] or [frames, rows, columns].

    Raises
    ------
    CaseError
        They cannot be decoded; where a decoder is missing the sentence says what to install.
    """
    pydicom = require("pydicom")
    with _explained(path, "The pixels of {} cannot be read"):
        with _BoundedFile(path) as stream:
            dataset = pydicom.dcmread(stream, force=True)
        stored = elements_of(PixelElements, [dataset])
        if stored.samples != 1:
            raise ValueError("it is a color picture and no measurement")
        syntax = _syntax(dataset)
        # Before memory is taken for so many pixels as the header counts.
        needed = stored.rows * stored.columns * stored.frames * max(stored.bits, 8) // 8
        require_growth(str(path), needed, path.stat().st_size)
        dataset.file_meta.TransferSyntaxUID = syntax
        # pydicom asks its decoders; a syntax that none of them reads is a matter of what is installed.
        if syntax.is_compressed and not pydicom.pixels.get_decoder(syntax).is_available:
            raise CaseError(
                f"The pixels of {path} are compressed ({syntax.name}), and no decoder for that is installed: "
                "pip install 'napari-osuda[dicom]' python-gdcm pylibjpeg-openjpeg"
            )
        return np.asarray(dataset.pixel_array)


@lru_cache(maxsize=16384)
def _read_header(path: Path, modified: int, size: int) -> DicomHeader:
    pydicom = require("pydicom")
    with _explained(path, "{} cannot be read as DICOM"):
        # Some scanners' files lack the preamble; what is no DICOM then has none of the tags.
        with _BoundedFile(path) as stream:
            header = pydicom.dcmread(stream, stop_before_pixels=True, specific_tags=_TAGS, force=True)

        is_image = bool(text_of(header, "SeriesInstanceUID") and "Rows" in header)
        is_image = is_image and text_of(header, "Modality") not in _NO_IMAGES
        frames, problem = _slices(path, header) if is_image else ((), "")
        number = text_of(header, "SeriesNumber")
        return DicomHeader(
            path,
            series=text_of(header, "SeriesInstanceUID"),
            instance=text_of(header, "SOPInstanceUID"),
            frame_of_reference=text_of(header, "FrameOfReferenceUID"),
            patient=text_of(header, "PatientID"),
            description=text_of(header, "SeriesDescription") or text_of(header, "ProtocolName"),
            number=int(number) if _NUMBER.fullmatch(number) else None,
            is_image=is_image,
            is_placed="ImagePositionPatient" in header or "PerFrameFunctionalGroupsSequence" in header,
            frames=frames,
            problem=problem,
            is_magnitude=not _PARTS & {part.strip().upper() for part in _parts(header)},
        )


def _parts(header: Any) -> list[str]:
    # The third value of the image type; others may be a manufacturer's words for anything.
    said = getattr(header, "ImageType", None) or ()
    kinds = [said] if isinstance(said, str) else [str(kind) for kind in said]
    return [text_of(header, "ComplexImageComponent"), *kinds[2:4]]


def _slices(path: Path, header: Any) -> tuple[tuple[Frame, ...], str]:
    """The slices of a picture, or why it has none."""
    try:
        elements = elements_of(HeaderElements, [header])
    except ValueError as error:
        return (), f"its header is damaged: {error}"
    problem = tiled(header, elements) or _unmeasured(header, elements)
    return ((), problem) if problem else frames_of(path, header, elements)


def _unmeasured(header: Any, elements: HeaderElements) -> str:
    """Why a file's stored values are not brightness; "" where they are."""
    colors = text_of(header, "PhotometricInterpretation").upper() or "MONOCHROME2"
    if colors == "MONOCHROME1":
        return "its bright pixels have low values (MONOCHROME1): export the series as MONOCHROME2"
    if colors != "MONOCHROME2":
        return f"it is a color picture ({colors}): give the series that was acquired"
    if getattr(header, "ModalityLUTSequence", None):
        return "its values stand for others in a table (Modality LUT): export the series without it"
    stored, high = elements.bits_stored, elements.high_bit
    if stored is not None and high is not None and high != stored - 1:
        return f"its pixels lie in unusual bits ({stored} up to bit {high}): export the series again"
    return ""


def _syntax(dataset: Any) -> Any:
    """The transfer syntax that a file names, or, of one that does not, the one in which it was read."""
    uid = require("pydicom.uid")
    if getattr(dataset, "file_meta", None) is None:
        dataset.file_meta = require("pydicom.dataset").FileMetaDataset()
    named = getattr(dataset.file_meta, "TransferSyntaxUID", None)
    if named is not None:
        return named
    implicit, little = dataset.original_encoding
    if implicit:
        return uid.ImplicitVRLittleEndian
    return uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian


class _BoundedFile(io.BufferedReader):
    """A DICOM file whose data set, where it is deflated, is known to be of a size that files have."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._where, self._size = str(path), path.stat().st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """Pydicom asks for all that is left only to inflate it, at once."""
        content = super().read(size)
        if size is None or size < 0:
            inflating, grown, part = zlib.decompressobj(-zlib.MAX_WBITS), 0, content
            with suppress(zlib.error):
                while part and not inflating.eof:
                    grown += len(inflating.decompress(part, _PIECE))
                    part = inflating.unconsumed_tail
                    require_growth(self._where, grown, self._size)
        return content


def _begins_bare(start: bytes) -> bool:
    """Whether bytes look like the first element of a DICOM data set that has no preamble."""
    if len(start) < 8:
        return False
    group, element = int.from_bytes(start[:2], "little"), int.from_bytes(start[2:4], "little")
    explicit = start[4:6] in (b"UL", b"CS", b"UI", b"OB", b"DA", b"SH")
    short = int.from_bytes(start[4:8], "little") <= 128
    return group in (0x0002, 0x0008) and element in _LEAST_ELEMENTS and (explicit or short)


@contextmanager
def _explained(path: Path, what: str) -> Iterator[None]:
    """Turn whatever a damaged file does to pydicom and its decoders into one sentence."""
    try:
        with warnings.catch_warnings():
            # Of values that break the standard, which most scanners write somewhere.
            warnings.simplefilter("ignore")
            yield
    except CaseError:
        raise
    except MemoryError as error:
        raise CaseError(f"{path} does not fit into memory; its header may be damaged.") from error
    except Exception as error:  # pydicom has no base class for what a damaged file does
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise CaseError(f"{what.format(path)} ({reason}).") from error
