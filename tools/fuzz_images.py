"""Honest images of each format, spoiled at random and read as a case: each must be read or give a sentence.

    python tools/fuzz_images.py --count 2000 --seed 1 --table docs/results/fuzz-images.md

Bytes are flipped, cut off or put in, fields of headers get extreme values, and elements of DICOM files are
replaced or removed; of compressed files also what is inside. What is read goes all the way to a network's
slices, a mask on its grid, and a viewer's layer. The same seed makes the same files.
"""

from __future__ import annotations

import gzip
import importlib.util
import logging
import random
import shutil
import struct
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pydicom.uid
from pydicom.dataset import Dataset

sys.path.insert(0, str(Path(__file__).parent))
from fuzzing import Tally, main, scrambled

from napari_osuda.imaging import SliceSpec, SliceStack, check_case, read_case, read_labels, write_labels
from napari_osuda.napari_layers.images import image_layer

AFFINE = np.diag([-1.5, -1.5, 3.0, 1.0]) + np.array(
    [[0, 0, 0, 20.0], [0, 0, 0, 25.0], [0, 0, 0, -9.0], [0, 0, 0, 0]]
)
SHAPE = (22, 26, 7)
SPECS = (
    SliceSpec(size=(32, 32), field_of_view_mm=(48.0, 48.0)),
    SliceSpec(plane="coronal", step=(8, 8), minimum=(16, 16)),
    SliceSpec(plane="volume", spacing_mm=(1.0, 1.0, 1.0), step=(8, 8, 8), normalization="percentile_1_99"),
)


def _helper(name: str) -> ModuleType:
    # The parts of the tests, so that one place says what a series looks like.
    place = Path(__file__).parents[1] / f"tests/helpers/{name}.py"
    spec = importlib.util.spec_from_file_location(name, place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- honest images


def _head(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    chance = np.random.default_rng(0)
    grid = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    inside = grid[0] ** 2 + grid[1] ** 2 < 0.8
    return np.where(inside, 100 + chance.normal(0, 12, shape), 0).round()


def _nifti(name: str, dtype: str, kind: Any = nib.Nifti1Image, copies: int = 1) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        data = np.stack([_head() * (1 + i) for i in range(copies)], axis=-1) if copies > 1 else _head()
        if name.startswith("seg"):
            data = (data > 110).astype(float)
        image = kind(data.astype(dtype), AFFINE)
        if kind is not nib.MGHImage and kind is not nib.AnalyzeImage:
            image.set_sform(AFFINE, 1)
            image.header.set_xyzt_units("mm")
        nib.save(image, folder / name)
        return folder / name

    return make


def _series(folder: Path) -> Path:
    _helper("dicom_parts").write_series(folder / "series", _head(), AFFINE)
    return folder / "series"


def _enhanced(folder: Path) -> Path:
    _helper("dicom_parts").write_enhanced(folder / "series/e.dcm", _head(), AFFINE, list(range(SHAPE[2])))
    return folder / "series"


def _in_syntax(make: Callable[[Path], Path], syntax: str) -> Callable[[Path], Path]:
    def change(folder: Path) -> Path:
        series = make(folder)
        for file in series.iterdir():
            dataset = pydicom.dcmread(file)
            uid = getattr(pydicom.uid, syntax)
            if uid.is_compressed and uid != pydicom.uid.DeflatedExplicitVRLittleEndian:
                dataset.compress(uid)
            elif uid == pydicom.uid.ExplicitVRBigEndian:
                dataset.PixelData = np.frombuffer(dataset.PixelData, "<i2").astype(">i2").tobytes()
            dataset.file_meta.TransferSyntaxUID = uid
            encoding = {"implicit_vr": uid.is_implicit_VR, "little_endian": uid.is_little_endian}
            fresh = Dataset()
            fresh.update(dataset)
            fresh.file_meta, fresh.preamble = dataset.file_meta, dataset.preamble
            fresh.save_as(file, enforce_file_format=True) if uid.is_compressed or uid.is_little_endian else (
                fresh.save_as(file, **encoding)
            )
        return series

    return change


# -- spoiling them

_NUMBERS = (0, 1, -1, 2, 7, 255, 256, 32767, -32768, 65535, 2**31 - 1, -(2**31), 2**40)
_FLOATS = (0.0, -0.0, 1e-45, 1e38, -1e38, float("nan"), float("inf"), -1.0, 0.5, 352.0, 1e9)


def spoil_nifti(folder: Path, chance: random.Random) -> None:
    """Give fields of a header extreme values, or scramble a file of the pair."""
    file = chance.choice(sorted(folder.iterdir()))
    zipped = file.name.endswith((".gz", ".mgz"))
    content = file.read_bytes()
    if zipped and chance.random() < 0.7:
        inner = bytearray(gzip.decompress(content))
        changed = _with_fields(inner, chance) if chance.random() < 0.6 else scrambled(bytes(inner), chance)
        file.write_bytes(gzip.compress(changed, compresslevel=chance.choice((0, 1, 9))))
    elif not zipped and chance.random() < 0.6 and len(content) >= 284:
        file.write_bytes(_with_fields(bytearray(content), chance))
    else:
        file.write_bytes(scrambled(content, chance))


def _with_fields(content: bytearray, chance: random.Random) -> bytes:
    order = "<" if int.from_bytes(content[:4], "little") in (348, 540) else ">"
    for _ in range(chance.choice((1, 1, 2, 3))):
        code = chance.choice("hhhiqffd")
        at = chance.randrange(0, min(540, len(content) - 8), 2)
        number = chance.choice(_FLOATS if code in "fd" else _NUMBERS)
        if code in "hiq":
            bits = {"h": 16, "i": 32, "q": 64}[code]
            number = (int(number) + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)
        struct.pack_into(order + code, content, at, number)
    return bytes(content)


_VALUES: tuple[Any, ...] = (
    None, "", "0", "-1", "1e400", "nan", "inf", "65535", "1\\2", "1\\2\\3", "0\\0\\0\\0\\0\\0",
    "1\\0\\0\\1\\0\\0", "a" * 300, "\x1b[31m", "\u202e", "..\\..\\evil", "../../evil", 0, 1, 65535, [],
    [0.0, 0.0], ["1", "x"], b"\xff" * 9,
)  # fmt: skip


def spoil_dicom(folder: Path, chance: random.Random) -> None:
    """Replace or remove elements of one file or of all, or scramble one."""
    files = sorted(folder.rglob("*.dcm"))
    if chance.random() < 0.5:
        file = chance.choice(files)
        content = file.read_bytes()
        file.write_bytes(scrambled(content, chance, 1200))
        return
    tags = None
    for file in files if chance.random() < 0.4 else [chance.choice(files)]:
        dataset = pydicom.dcmread(file)
        if tags is None:
            places = [dataset, *_items(dataset)]
            number = chance.randrange(len(places))
            keys = sorted(places[number].keys()) or [None]
            tags = (
                number,
                [(chance.choice(keys), chance.choice(_VALUES)) for _ in range(chance.choice((1, 1, 2)))],
            )
        owner = [dataset, *_items(dataset)][min(tags[0], len(_items(dataset)))]
        for tag, value in tags[1]:
            if tag is None or tag not in owner:
                continue
            if value is None:
                del owner[tag]
                continue
            try:
                owner[tag].value = value
            except Exception:  # pydicom refuses some of them by itself
                continue
        try:
            dataset.save_as(file)
        except Exception:  # and cannot write others
            file.write_bytes(scrambled(file.read_bytes(), chance, 1200))


def _items(dataset: Dataset) -> list[Dataset]:
    found = []
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                found += [item, *_items(item)]
    return found


def spoil_text(folder: Path, chance: random.Random) -> None:
    """Change lines of a header that is text, or scramble a file."""
    file = chance.choice(sorted(folder.iterdir()))
    content = file.read_bytes()
    if file.suffix == ".raw" or chance.random() < 0.4:
        file.write_bytes(scrambled(content, chance))
        return
    end = content.find(b"\n\n") if file.suffix in (".nrrd", ".nhdr") else content.find(b"LOCAL\n")
    head, rest = (content, b"") if end < 0 else (content[:end], content[end:])
    lines = head.split(b"\n")
    for _ in range(chance.choice((1, 1, 2, 3))):
        at = chance.randrange(len(lines))
        act = chance.random()
        if act < 0.6:
            words = lines[at].split(b" ")
            words[chance.randrange(len(words))] = chance.choice(_WORDS)
            lines[at] = b" ".join(words)
        elif act < 0.75:
            lines.insert(at, chance.choice(lines))
        elif len(lines) > 1:
            del lines[at]
    file.write_bytes(b"\n".join(lines) + rest)


_WORDS = (
    b"", b"0", b"-1", b"1", b"2", b"3", b"65535", b"4294967296", b"99999999999999999999", b"nan", b"inf",
    b"1e400", b"(nan,0,0)", b"(0,0,0)", b"none", b"gzip", b"raw", b"ascii", b"bzip2", b"double", b"uchar",
    b"block", b"big", b"../../evil", b"/etc/passwd", b"x.raw", b"LIST", b"%03d", b"True", b"False", b"LOCAL",
    b"\xff\x00", b"a" * 5000, b"left-posterior-superior", b"scanner-xyz",
)  # fmt: skip


def _itk(name: str, *, packed: bool = False) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        import SimpleITK as itk

        image = itk.GetImageFromArray(_head().astype(np.int16).T)
        image.SetSpacing((1.5, 1.5, 3.0))
        image.SetOrigin((-20.0, -25.0, -9.0))
        itk.WriteImage(image, str(folder / name), packed)
        return folder / name

    return make


NIFTI, DICOM, TEXT = spoil_nifti, spoil_dicom, spoil_text
FORMATS: dict[str, tuple[Callable[[Path], Path], Callable[[Path, random.Random], None]]] = {
    ".nii, int16": (_nifti("a_t2.nii", "<i2"), NIFTI),
    ".nii, float32": (_nifti("a_t2.nii", "<f4"), NIFTI),
    ".nii, four volumes": (_nifti("a_t2.nii", "<i2", copies=3), NIFTI),
    ".nii, NIfTI-2": (_nifti("a_t2.nii", "<f4", nib.Nifti2Image), NIFTI),
    ".nii, labels": (_nifti("seg.nii", "u1"), NIFTI),
    ".nii.gz": (_nifti("a_t2.nii.gz", "<i2"), NIFTI),
    ".nii.gz, labels": (_nifti("seg.nii.gz", "u1"), NIFTI),
    ".hdr/.img": (_nifti("a_t2.img", "<i2", nib.Nifti1Pair), NIFTI),
    ".hdr/.img, Analyze": (_nifti("a_t2.img", "<i2", nib.AnalyzeImage), NIFTI),
    ".mgz": (_nifti("a_t2.mgz", ">f4", nib.MGHImage), NIFTI),
    ".mgh": (_nifti("a_t2.mgh", ">i2", nib.MGHImage), NIFTI),
    ".nrrd": (_itk("a_t2.nrrd"), TEXT),
    ".nrrd, gzip": (_itk("a_t2.nrrd", packed=True), TEXT),
    ".nhdr": (_itk("a_t2.nhdr"), TEXT),
    ".mha": (_itk("a_t2.mha"), TEXT),
    ".mhd": (_itk("a_t2.mhd"), TEXT),
    ".mha, zlib": (_itk("a_t2.mha", packed=True), TEXT),
    "DICOM": (_series, DICOM),
    "DICOM, implicit": (_in_syntax(_series, "ImplicitVRLittleEndian"), DICOM),
    "DICOM, deflated": (_in_syntax(_series, "DeflatedExplicitVRLittleEndian"), DICOM),
    "DICOM, RLE": (_in_syntax(_series, "RLELossless"), DICOM),
    "DICOM, enhanced": (_enhanced, DICOM),
    "DICOM, enhanced, RLE": (_in_syntax(_enhanced, "RLELossless"), DICOM),
}


# -- trying them


def read_all_the_way(path: Path, scratch: Path) -> None:
    """Read a case as the program would: to slices for a network, a mask in a file, and a viewer's layer."""
    if path.name.startswith("seg"):
        labels, grid = read_labels(path)
        write_labels(scratch / "mask.nii.gz", labels, grid)
        return
    several = _count(path)
    channels = [f"c{i}" for i in range(several)] if several > 1 else ["t2"]
    case = read_case(path, channels)
    check_case(case)
    image_layer(case.data[0], case.name, case.grid, path)
    for spec in SPECS:
        stack = SliceStack(case, spec)
        stack.slices([int(n) for n in np.flatnonzero(stack.foreground)[:2]])
    write_labels(scratch / "mask.nii.gz", (case.data[0] > 110).astype(np.uint8), case.grid)


def _count(path: Path) -> int:
    """How many volumes a file says it holds: a fourth axis is the channels of a model."""
    if path.is_dir() or not path.name.endswith(".nii"):
        return 1
    content = path.read_bytes()[:56]
    if len(content) < 56 or int.from_bytes(content[:4], "little") != 348:
        return 1
    dims = struct.unpack_from("<8h", content, 40)
    return dims[4] if dims[0] == 4 and 1 < dims[4] < 20 else 1


def run(form: str, count: int, seed: int) -> Tally:
    """Try so many spoiled images of a format."""
    logging.getLogger("nibabel").setLevel(logging.CRITICAL)
    make, spoil = FORMATS[form]
    chance, tally = random.Random(f"{form} {seed}"), Tally(form)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        (place / "honest").mkdir()
        honest = make(place / "honest")
        tally.honest(lambda: read_all_the_way(honest, place))
        for i in range(count):
            shutil.copytree(place / "honest", place / "try")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                spoil(place / "try" / ("series" if honest.is_dir() else ""), chance)
            path = place / "try" / honest.name
            tally.attempt(lambda path=path: read_all_the_way(path, place), f"try {i}")
            shutil.rmtree(place / "try")
    return tally


if __name__ == "__main__":
    sys.exit(main(__doc__ or "", list(FORMATS), run, "Spoiled images"))
