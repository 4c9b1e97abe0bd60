"""A case from files, in all the ways in which a user may name them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_osuda.errors import CaseError
from napari_osuda.imaging.case import Case, Source, stack_channels
from napari_osuda.imaging.dicom import DicomSeries, find_series
from napari_osuda.imaging.grid import onto_grid
from napari_osuda.imaging.modalities import match_channels, modality_of
from napari_osuda.imaging.naming import case_name
from napari_osuda.imaging.volumes import SUFFIXES, read_volume

__all__ = ["read_case"]


def read_case(
    spec: str | Path | Mapping[str, str | Path], channels: Sequence[str], *, name: str | None = None
) -> Case:
    """Read the channels of a model for one patient.

    Parameters
    ----------
    spec : str, Path or mapping
        A folder whose files, or DICOM series by their descriptions, are matched to the channels by name (see
        `match_channels`); a DICOM series may stand for a file, as its folder or one of its files;
        ``"name=path,name=path"`` or a mapping of names to paths; ``"path,path"`` in the channels' order;
        a 3-D file for a model of one channel; a 4-D file whose last axis is the channels.
    channels : sequence of str
        The model's channel names, in its order.
    name : str, optional
        What the case is called: by default as `case_name` has it.

    Returns
    -------
    Case
        On the grid of the first image: the first one given, or in a folder the first channel's.

    Raises
    ------
    CaseError
        A channel is missing or ambiguous, a file cannot be read, or the images lie on different grids.
    """
    name = name or case_name(spec)
    if isinstance(spec, Mapping):
        files = _named({key: Path(path) for key, path in spec.items()}, channels)
        return _of_files(files, channels, name)
    text = str(spec).strip()
    path = Path(text).expanduser()
    if not text:
        raise CaseError("The case is empty: give a folder or files.")
    # A path that exists is meant, whatever commas and equal signs are in it.
    if path.is_dir():
        return _of_files(_in_folder(path, channels), channels, name)
    if path.exists() or ("," not in text and "=" not in text):
        return _of_one_file(path, channels, name)
    if re.match(r"[^,=/\\]+=", text):
        named: dict[str, Path] = {}
        # A comma parts two files only where a name follows: it may stand in a path too.
        for item in re.split(r",(?=[^,=/\\]+=)", text):
            key, _, value = item.partition("=")
            if key.strip() in named:
                raise CaseError(f"Channel {key.strip()} is given twice in {text}.")
            named[key.strip()] = Path(value.strip()).expanduser()
        return read_case(named, channels, name=name)
    paths = [Path(part.strip()).expanduser() for part in text.split(",") if part.strip()]
    if len(paths) != len(channels):
        raise CaseError(
            f"{len(paths)} files are given and the model reads {len(channels)} channels "
            f"({', '.join(channels)}): give one file for each, in this order."
        )
    files = dict(zip(channels, paths, strict=True))
    return _of_files(files, channels, name)


def _named(given: Mapping[str, Path], channels: Sequence[str]) -> dict[str, Path]:
    """Turn the names a user wrote into the model's, in the user's order."""
    files: dict[str, Path] = {}
    for key, path in given.items():
        exact = [c for c in channels if c.lower() == key.lower()]
        same = exact or [c for c in channels if modality_of(key) and modality_of(c) == modality_of(key)]
        if len(same) != 1:
            raise CaseError(f"{key} is no channel of the model, which reads {', '.join(channels)}.")
        if same[0] in files:
            raise CaseError(f"Channel {same[0]} is given twice: {files[same[0]]} and {path}.")
        files[same[0]] = path
    missing = [c for c in channels if c not in files]
    if missing:
        raise CaseError(
            f"No file for channel {', '.join(missing)}: given were {', '.join(given) or 'none'}. "
            f"Add {missing[0]}=FILE."
        )
    return files


def _in_folder(folder: Path, channels: Sequence[str]) -> dict[str, Path]:
    """Match the images of a folder, or of the anatomical folders below it, to the channels."""
    found = _images(folder.glob("*"))
    if not found:
        # A BIDS subject has its contrasts in [session/]anat, beside functional and diffusion images; no
        # deeper, since a wrong folder may be the top of a whole disk.
        below = _images([*folder.glob("*/*"), *folder.glob("*/*/*")])
        found = [p for p in below if p.parent.name == "anat"] or below
    series = [] if found else find_series(folder)
    if series:
        return _series_in(folder, series, channels)
    names = {path.relative_to(folder).as_posix(): path for path in found}
    by_file = {Path(key).name: path for key, path in names.items()}
    # Two sessions with files of the same name are told apart by their folders.
    shown = by_file if len(by_file) == len(names) else names
    try:
        matched = match_channels(shown, channels)
    except CaseError as error:
        raise CaseError(f"In {folder}: {error}") from error
    return {channel: shown[key] for channel, key in matched.items()}


def _series_in(folder: Path, series: Sequence[DicomSeries], channels: Sequence[str]) -> dict[str, Path]:
    """Match the DICOM series below a folder to the channels by their descriptions."""
    if len(series) == len(channels) == 1:
        # As with one file for a model of one channel: what it is called does not matter.
        return {channels[0]: series[0].files[0]}
    said = [one.description for one in series]
    titles = [one.description if said.count(one.description) == 1 else one.title for one in series]
    if len(set(titles)) < len(titles):
        titles = [f"{title} in {one.folder.name}" for title, one in zip(titles, series, strict=True)]
    try:
        matched = match_channels(titles, channels)
    except CaseError as error:
        raise CaseError(f"In the DICOM series of {folder}: {error}") from error
    return {channel: series[titles.index(title)].files[0] for channel, title in matched.items()}


def _images(paths: Iterable[Path]) -> list[Path]:
    """MRI files among ``paths``; of a .hdr/.img pair the .hdr."""
    files = sorted(
        p for p in paths if p.name.lower().endswith(SUFFIXES) and not p.name.startswith(".") and p.is_file()
    )
    present = set(files)
    return [p for p in files if not (p.suffix.lower() == ".img" and p.with_suffix(".hdr") in present)]


def _of_one_file(path: Path, channels: Sequence[str], name: str) -> Case:
    """Read all channels from one file: a volume, or a fourth axis of them."""
    volume = read_volume(path)
    parts = volume.data[None] if volume.data.ndim == 3 else np.moveaxis(volume.data, 3, 0)
    if len(parts) != len(channels):
        what = (
            "is one 3-D image" if volume.data.ndim == 3 else f"has {len(parts)} volumes along its fourth axis"
        )
        raise CaseError(
            f"{path} {what} and the model reads {len(channels)} channels ({', '.join(channels)}): "
            f"give a folder, or {','.join(f'{c}=FILE' for c in channels)}."
        )
    data = stack_channels(zip(channels, parts, strict=True), len(channels), volume.grid)
    digest = volume.digest()
    shape, affine = volume.data.shape, volume.grid.affine
    sources = tuple(Source(c, path, digest, shape, affine, volume.title) for c in channels)
    return Case(name, tuple(channels), data, volume.grid, sources)


def _of_files(files: Mapping[str, Path], channels: Sequence[str], name: str) -> Case:
    """Read one file for each channel; ``files`` is in the order in which they were given."""
    leading, path = next(iter(files.items()))
    first = read_volume(path)
    sources: list[Source] = []

    def read_on() -> Iterator[tuple[str, NDArray[np.float32]]]:
        for channel in channels:
            volume = first if channel == leading else read_volume(files[channel])
            if volume.data.ndim != 3:
                raise CaseError(
                    f"{volume.path} has {volume.data.shape[3]} volumes along its fourth axis, and channel "
                    f"{channel} is one volume: split it first, or give it alone for all channels."
                )
            array = onto_grid(volume.data, volume.grid, str(volume.path), first.grid, str(first.path))
            digest = volume.digest()
            shape, affine = volume.data.shape, volume.grid.affine
            sources.append(Source(channel, volume.path, digest, shape, affine, volume.title))
            yield channel, array

    data = stack_channels(read_on(), len(channels), first.grid)
    return Case(name, tuple(channels), data, first.grid, tuple(sources))
