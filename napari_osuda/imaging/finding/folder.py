"""Which files of a folder are the channels of a model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from napari_osuda.errors import CaseError, NoImageError
from napari_osuda.files import expanded
from napari_osuda.imaging.dicom import DicomSeries, find_series
from napari_osuda.imaging.finding.bids import entities_of, matched_by_entities
from napari_osuda.imaging.modalities import is_label_name, likest, match_channels, modality_of
from napari_osuda.imaging.volumes import SUFFIXES

__all__ = ["channels_in", "image_for", "series_named"]

# A folder that is called by a day, as those of visits are.
_DAY = re.compile(r"(?<!\d)(?:19|20)\d\d[-_.]?(?:0[1-9]|1[0-2])[-_.]?(?:0[1-9]|[12]\d|3[01])(?!\d)")


def channels_in(
    folder: Path, channels: Sequence[str], entities: Mapping[str, str] | None = None
) -> dict[str, Path]:
    """Match the images of a folder, or of the anatomical folders below it, to the channels.

    Parameters
    ----------
    folder : Path
        Of one patient; of BIDS also that of a session, or of a data set of one patient.
    channels : sequence of str
        The model's names.
    entities : mapping of str to str, optional
        Entities of BIDS that the images must have, such as ``{"ses": "pre"}``.

    Returns
    -------
    dict
        Channel to file; for a DICOM series to one of its files.

    Raises
    ------
    CaseError
        A channel is missing or ambiguous, or the images are not of one patient at one time.
    """
    found = _images(folder.glob("*"))
    patients = sorted(p for p in folder.glob("sub-*") if p.is_dir()) if not found else []
    if patients:
        return _in_dataset(folder, patients, channels, entities or {})
    found = found or _images_below(folder)
    series = [] if found else find_series(folder)
    if series:
        return _series_in(folder, series, channels)
    names = {path.relative_to(folder).as_posix(): path for path in found}
    by_file = {Path(key).name: path for key, path in names.items()}
    # Two sessions with files of the same name are told apart by their folders.
    shown = by_file if len(by_file) == len(names) else names
    try:
        if entities or any(entities_of(path.name) for path in found):
            matched = matched_by_entities(shown, channels, entities or {})
        else:
            matched = {channel: shown[key] for channel, key in match_channels(shown, channels).items()}
        _require_one_day(folder, matched)
        _require_there(matched.values())
    except CaseError as error:
        raise type(error)(f"In {folder}: {error}", command=error.command) from error
    return matched


def image_for(folder: Path, channel: str) -> Path:
    """The image for a model of one channel: of its contrast, else of the most alike, else the only one.

    Raises
    ------
    CaseError
        As `channels_in`, where none of the contrasts is there, or one is there more than once.
    """
    try:
        return channels_in(folder, (channel,))[channel]
    except NoImageError:
        for contrast in likest(channel):
            try:
                return channels_in(folder, (contrast,))[contrast]
            except NoImageError:
                continue
        found = _images(folder.glob("*")) or _images_below(folder)
        unnamed = [path for path in found if modality_of(path.name) is None and not is_label_name(path.name)]
        if len(unnamed) == 1 == len([path for path in found if not is_label_name(path.name)]):
            return unnamed[0]
        raise


def _images_below(folder: Path) -> list[Path]:
    # A BIDS subject has its contrasts in [session/]anat, beside functional and diffusion images; no deeper,
    # since a wrong folder may be the top of a whole disk.
    below = _images([*folder.glob("*/*"), *folder.glob("*/*/*")])
    return [p for p in below if p.parent.name == "anat"] or below


def series_named(text: str) -> Path | None:
    """The file of a DICOM series that is given as ``FOLDER#NUMBER`` or ``FOLDER#DESCRIPTION``, else None.

    Raises
    ------
    CaseError
        The folder has no such series, or several; the sentence lists what it has.
    """
    before, mark, wanted = text.rpartition("#")
    folder = expanded(before)
    if not mark or expanded(text).exists() or not folder.is_dir():
        return None
    found = find_series(folder)
    fitting = [one for one in found if wanted.strip() in (str(one.number), one.description)]
    if len(fitting) != 1:
        many = f"{len(fitting)} series" if fitting else "no series"
        raise CaseError(
            f"{folder} has {many} called '{wanted}'. {_listed(found)}",
            command=f"Choose as in CHANNEL={_example(folder, found)}.",
        )
    return fitting[0].files[0]


def _in_dataset(
    folder: Path, patients: Sequence[Path], channels: Sequence[str], entities: Mapping[str, str]
) -> dict[str, Path]:
    wanted = entities.get("sub")
    if wanted is not None:
        patients = [p for p in patients if p.name == f"sub-{wanted}"]
    if len(patients) != 1:
        listed = ", ".join(p.name for p in patients[:8]) or f"none called sub-{wanted}"
        raise CaseError(
            f"{folder} holds {len(patients)} patients ({listed}{' and more' if len(patients) > 8 else ''}): "
            "give the folder of one."
        )
    return channels_in(patients[0], channels, entities)


def _series_in(folder: Path, series: Sequence[DicomSeries], channels: Sequence[str]) -> dict[str, Path]:
    """Match the DICOM series below a folder to the channels by their descriptions."""
    whole, series = series, [one for one in series if one.is_magnitude]
    if not series:
        raise CaseError(
            f"{folder} holds phase images alone, or real or imaginary parts, and the model reads magnitudes. "
            f"{_listed(whole)}",
            command=f"Choose as in CHANNEL={_example(folder, whole)}.",
        )
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
        raise type(error)(
            f"In the DICOM series of {folder}: {error} {_listed(whole)}",
            command=f"Choose as in CHANNEL={_example(folder, whole)}.",
        ) from error
    return {channel: series[titles.index(title)].files[0] for channel, title in matched.items()}


def _listed(series: Sequence[DicomSeries], most: int = 20) -> str:
    """The series to choose from."""
    rows = [f"#{one.number} '{one.description}' ({len(one.files)} files)" for one in series[:most]]
    more = f" and {len(series) - most} more" if len(series) > most else ""
    return f"The series are {'; '.join(rows) or 'none'}{more}."


def _example(folder: Path, series: Sequence[DicomSeries]) -> str:
    """One of them, as ``FOLDER#NUMBER``."""
    number = next((one.number for one in series if one.number is not None), 3)
    return f"{folder}#{number}"


def _images(paths: Iterable[Path]) -> list[Path]:
    """MRI files among ``paths``; of a .hdr/.img pair the .hdr."""
    named = (p for p in paths if p.name.lower().endswith(SUFFIXES) and not p.name.startswith("."))
    # A link to what is not there counts: it is said, where it would be a channel.
    files = sorted(p for p in named if p.is_file() or p.is_symlink())
    present = set(files)
    return [p for p in files if not (p.suffix.lower() == ".img" and p.with_suffix(".hdr") in present)]


def _require_there(files: Iterable[Path]) -> None:
    for path in files:
        if path.is_symlink() and not path.exists():
            raise CaseError(
                f"{path.name} is a link to a file that is not there: get it first, as with 'datalad get'."
            )


def _require_one_day(folder: Path, matched: Mapping[str, Path]) -> None:
    """Refuse images of folders that are called by different days: they are of two visits."""
    days = {}
    for channel, path in matched.items():
        parents = path.relative_to(folder).parts[:-1]
        found = next((day for part in parents if (day := _DAY.search(part))), None)
        if found is not None:
            days[re.sub(r"\D", "", found.group())] = f"{channel} in {'/'.join(parents)}"
    if len(days) > 1:
        raise CaseError(
            f"The images are of different days ({'; '.join(days.values())}): give those of one visit.",
            command="Or give the files as name=FILE,name=FILE.",
        )
