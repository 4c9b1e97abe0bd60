"""Names of BIDS: entities before a suffix, as in ``sub-01_ses-1_acq-3D_ce-gad_run-2_T1w.nii.gz``.

See https://bids-specification.readthedocs.io. Which contrast a name says, `napari_osuda.imaging.modalities`
knows, for these names and all others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from napari_osuda.errors import CaseError, ConfigError, NoImageError
from napari_osuda.imaging.modalities import match_channels
from napari_osuda.imaging.volumes import without_suffix

__all__ = ["entities_of", "is_magnitude", "matched_by_entities", "parse_entities"]

_NAME = re.compile(r"(?:[a-z0-9]+-[a-z0-9+]+_)+[a-z0-9]+", re.IGNORECASE)
# What a person can choose by: of the others no two files of one contrast differ.
_CHOSEN = ("sub", "ses", "acq", "ce", "rec", "dir", "run", "echo", "inv", "space", "res", "den", "desc")
_ALIASES = {
    "subject": "sub", "session": "ses", "acquisition": "acq", "ceagent": "ce", "reconstruction": "rec",
    "resolution": "res", "density": "den", "description": "desc",
}  # fmt: skip


def entities_of(name: str) -> dict[str, str]:
    """Entities of a file's name; none where it is not of BIDS, which begins with the patient's.

    Examples
    --------
    >>> entities_of("sub-01_ses-pre_run-02_T1w.nii.gz")
    {'sub': '01', 'ses': 'pre', 'run': '02'}
    """
    stem = without_suffix(name)
    if not _NAME.fullmatch(stem) or not stem.lower().startswith("sub-"):
        return {}
    pairs = (part.partition("-") for part in stem.split("_")[:-1])
    return {key.lower(): value for key, _, value in pairs}


def is_magnitude(name: str) -> bool:
    """Whether a name is not that of the phase, or of a real or imaginary part, of an image."""
    return entities_of(name).get("part", "mag").lower() == "mag"


def parse_entities(items: Iterable[str]) -> dict[str, str]:
    """Entities that a person has written, as in ``["ses=pre", "run-2"]``.

    Raises
    ------
    ConfigError
        One is no entity that files can be chosen by.
    """
    found = {}
    for item in items:
        key, _, value = re.sub(r"[=-]", "=", item, count=1).partition("=")
        key = _ALIASES.get(key.strip().lower(), key.strip().lower())
        if key not in _CHOSEN or not value.strip():
            raise ConfigError(
                f"'{item}' is not an entity of BIDS with a value, as in ses=pre or run=2. Known are "
                f"{', '.join(_CHOSEN)}."
            )
        found[key] = value.strip().removeprefix(f"{key}-")
    return found


def matched_by_entities(
    files: Mapping[str, Path], channels: Sequence[str], chosen: Mapping[str, str]
) -> dict[str, Path]:
    """Match files with BIDS names to the channels: all of one patient, one session and one space.

    Parameters
    ----------
    files : mapping of str to Path
        What each is called in messages; the path's own name has the entities.
    channels : sequence of str
    chosen : mapping of str to str
        Entities that a person has chosen by, without their names before the value.

    Raises
    ------
    CaseError
        A channel is missing or ambiguous, or the images are of several patients, sessions or spaces.
    """
    kept = {shown: path for shown, path in files.items() if is_magnitude(path.name)}
    for key in ("sub", "ses"):
        values = _values(kept, key)
        if key in chosen:
            values = {value: group for value, group in values.items() if _same(value, chosen[key])}
            if not values:
                raise CaseError(
                    f"No image has {key}-{chosen[key]}; there are {_listed_values(_values(kept, key), key)}."
                )
        if len(values) > 1 and key == "sub":
            raise CaseError(
                f"There are {len(values)} patients ({_listed_values(values, key)}): give the folder of one."
            )
        kept = _complete_session(values, channels, chosen) if len(values) > 1 else next(iter(values.values()))
    kept = _narrowed(kept, channels, chosen)
    matched = {channel: kept[shown] for channel, shown in match_channels(kept, channels).items()}
    spaces = {
        channel: entities_of(path.name).get("space", "the scanner's") for channel, path in matched.items()
    }
    if len(set(spaces.values())) > 1:
        listed = ", ".join(f"{channel} in {space}" for channel, space in spaces.items())
        raise CaseError(
            f"The images lie in different spaces ({listed}): give those of one space.",
            command="Give the files as name=FILE,name=FILE.",
        )
    return matched


def _complete_session(
    sessions: Mapping[str, dict[str, Path]], channels: Sequence[str], chosen: Mapping[str, str]
) -> dict[str, Path]:
    """The files of the one session that has all channels: images of two are never put together."""
    complete = {
        session: group
        for session, group in sessions.items()
        if all(_fitting(group, channel) for channel in channels)
    }
    if len(complete) == 1:
        return next(iter(complete.values()))
    named = _listed_values(complete or sessions, "ses")
    if complete:
        raise CaseError(
            f"{len(complete)} sessions have the model's images ({named}): give the folder of one, or choose "
            f"with ses={next(iter(complete))}."
        )
    lacking = "; ".join(
        f"ses-{session or '(none)'} lacks {', '.join(c for c in channels if not _fitting(group, c))}"
        for session, group in sessions.items()
    )
    raise NoImageError(
        f"No session has all channels of the model ({lacking}). One session must have all.",
        command="Or give the files as name=FILE,name=FILE.",
    )


def _narrowed(files: dict[str, Path], channels: Sequence[str], chosen: Mapping[str, str]) -> dict[str, Path]:
    """For each channel the files with the chosen entities, and where none has them, those without any."""
    wanted = {key: value for key, value in chosen.items() if key not in ("sub", "ses")}
    if not wanted:
        return files
    found: dict[str, Path] = {}
    for channel in channels:
        own = _fitting(files, channel)
        for key, value in wanted.items():
            having = [s for s in own if _same(entities_of(files[s].name).get(key, ""), value)]
            own = having or [s for s in own if key not in entities_of(files[s].name)]
        found |= {shown: files[shown] for shown in own}
    return found


def _fitting(files: Mapping[str, Path], channel: str) -> list[str]:
    """Names of the files that could be a channel."""
    found = []
    for shown in files:
        try:
            match_channels([shown], [channel])
        except CaseError:
            continue
        found.append(shown)
    return found


def _values(files: Mapping[str, Path], key: str) -> dict[str, dict[str, Path]]:
    groups: dict[str, dict[str, Path]] = {}
    for shown, path in files.items():
        # A file may leave its session to its folder.
        folder = next((p.name for p in path.parents if p.name.startswith(f"{key}-")), "")
        value = entities_of(path.name).get(key) or folder.removeprefix(f"{key}-")
        groups.setdefault(value, {})[shown] = path
    return groups or {"": {}}


def _listed_values(values: Iterable[str], key: str, most: int = 8) -> str:
    named = [f"{key}-{value}" for value in values if value] or ["none"]
    return ", ".join(named[:most]) + (f" and {len(named) - most} more" if len(named) > most else "")


def _same(value: str, other: str) -> bool:
    """Whether two values are one: numbers may be padded."""
    return (value.lower().lstrip("0") or "0") == (other.lower().lstrip("0") or "0") if value else False
