"""Which MRI contrast a file or a layer holds, guessed from its name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from napari_osuda.errors import CaseError, NoImageError
from napari_osuda.imaging.volumes import without_suffix

__all__ = [
    "channel_caption",
    "is_label_name",
    "likest",
    "match_channels",
    "modality_of",
    "name_with_contrast",
    "says_contrast_alone",
    "substituted",
]

# How alike contrasts look: fluid dark or bright, but edema bright in neighbors.
_ALIKE = ("t2", "flair", "pd", "t1ce", "t1")

_LABEL = re.compile(
    r"(?:[ad]|tumou?r|brain|lesion|prob)?seg(?:s|m|mented|mentations?)?|"
    r"(?:brain|roi|tumou?r|lesion)?(?:labels?|masks?)|lesions?|rois?|roi\d+|gt|groundtruth|glistrboost|aparc"
)
# Planes, sequences and the like, which stand before the contrast, or between it and what it depends on.
_ASIDE = (
    r"ax|axial|cor|coronal|sag|sagittal|tra|trans|transversal|transverse|obl|oblique|[23]d|iso|mpr|p\d|\d+mm|"
    r"fs|fatsat|fat|sat|dixon|se|tse|fse|frfse|tfe|ffe|gre|flash|vibe|mprage|bravo|f?spgr|space|spc|cube|vista|"
    r"tirm|stir|ir|irprep|blade|propeller|ns|sense|grappa"
)
_ENHANCED = r"ce|c|gd|gad|gado|gadolinium|post|postcontrast|postgd|contrast|enhanced|km|ks"
_CONTRASTS = {
    contrast: re.compile(rf"(?:{_ASIDE})*(?:{words})")
    for contrast, words in {
        "flair": r"(?:t2w?)?(?:flair|tirm|darkfluid)|t2f",
        "t1ce": rf"t1(?:w|weighted)?(?:{_ENHANCED})",
        "t1": r"t1(?:w|n|weighted|pre|native|nativ)?|mprage|bravo|f?spgr",
        "t2": r"t2(?:w|weighted|tse|fse)?",
        "t2star": r"t2starw?|swi|gre",
        "pd": r"pdw?|dp|protondensity",
        "adc": r"adc",
        "dwi": r"dwi",
    }.items()
}
# Words of images that are made of others, or show something else than the contrast in their name; and those
# that say so after the first word alone, which may be a person's.
_OTHER = re.compile(
    r"pha|phase|imag|imaginary|t[12]map|subtr|subtracted|subtraction|difference|mip|minip|locali[sz]er|scout|"
    r"survey|tracew?|b0|b50|b[1-9]\d?00|colfa|asl|pwi|perf|perfusion|cb[fv]|mtt|dsc|dce|bias|biasfield|mra|mrv|"
    r"tof|angio|jacobian|warp|probability|residuals?"
)
_OTHER_AFTER = re.compile(r"ph|real|maps?|subs?|diff|loc|prob")
# A phase of the passage of contrast agent is none of the signal.
_PASSAGE = re.compile(r"arterial|venous|portal|delayed|late|early|contrast|native|equilibrium|in|out|opp")
# Words that say contrast agent wherever they stand, and those that say so only right after the T1.
_AGENT = re.compile(
    r"withagent|ce|gd|gad|gado|gadolinium|gddtpa|gadovist|dotarem|prohance|multihance|magnevist|clariscan|"
    r"postcontrast|postgd|contrast|enhanced|km|kontrast|kontrastmittel"
)
_AGENT_AFTER_T1 = re.compile(_ENHANCED)
_WITHOUT = {"pre", "non", "no", "without", "wo", "o", "native", "nativ", "ohne", "vor", "sans"}
# After these "post" is a time in the treatment, and no agent.
_TREATMENT = re.compile(
    r"op|ops|operation|operative|surgery|surgical|resection|biopsy|rt|crt|radio\w*|radiation|irradiation|"
    r"chemo\w*|therapy|treatment|tx|rx|mortem|natal|partum|process\w*|proc|hoc|stroke|ictal|trauma\w*|seizure"
)
# "T2_to_T1", "T2 in T1 space": the second contrast is the one that the first was registered to.
_REFERENCE = {"to", "in", "on", "onto", "2", "reg", "registered", "coreg", "coregistered"}
# BIDS entities, whose values may hold the name of another contrast ("space-T1w").
_ENTITY = re.compile(r"(?:^|_)(?:sub|ses|acq|rec|run|space|desc|res|den|dir|echo|part|mod)-[a-z0-9]+(?=_|$)")

# In an entity that people write for themselves, words that say contrast agent, and those that say none.
_OWN_WORDS = re.compile(r"(?:^|_)(?:acq|rec|desc)-([a-z0-9]+)(?=_|$)")
_AGENT_WITHIN = re.compile(
    r"gad|gd(?![a-z])|contrast|enhanced|^(?:[23]d|t1w?|mprage)?ce(?:[23]d|mprage)?$|^post|post$"
)
_NONE_WITHIN = re.compile(r"pre|non|without|nativ|before|noce|process|proc|recon")


def modality_of(name: str) -> str | None:
    """Guess the contrast from a file's, a layer's or a channel's name.

    Knows the ways of BraTS (``_t1ce``, ``-t1c``, ``-t2f``), TCIA (``T1GD``, ``T1POST``), BIDS
    (``ce-gadolinium_T1w``, ``FLAIR``) and of scanners (``t2_tirm_tra_dark-fluid``, ``Ax T1 POST``).

    Returns
    -------
    {'t1', 't1ce', 't2', 'flair', 'pd', 't2star', 'adc', 'dwi'} or None
        None where the name says nothing.

    Examples
    --------
    >>> modality_of("sub-01_ce-gadolinium_T1w.nii.gz"), modality_of("t2_tirm_tra_dark-fluid")
    ('t1ce', 'flair')
    >>> modality_of("scan7.nii.gz") is None
    True
    """
    words = _words(name)
    found: list[tuple[int, str]] = []
    for index, word in enumerate(words):
        if not (found and _is_reference(words, index)):
            found += [(index, contrast) for contrast, known in _CONTRASTS.items() if known.fullmatch(word)]
    found = [(index, contrast) for index, contrast in found if not _is_of_t1(words, index, contrast, found)]
    if not found:
        return None
    if any(contrast == "flair" for _, contrast in found):
        return "flair"
    index, contrast = found[-1]
    return "t1ce" if contrast == "t1" and _has_agent(words, index) else contrast


def name_with_contrast(*names: str) -> str:
    """The first of an image's names that says its contrast, else the first that is not ""."""
    return next((name for name in names if modality_of(name)), next(filter(None, names), ""))


def channel_caption(channel: str, image_name: str) -> str:
    """What to write under an image: its channel, or the contrast that stands in for it ("FLAIR as t2").

    Parameters
    ----------
    channel : str
        Of the model.
    image_name : str
        Of the image that was given for it, as `name_with_contrast` finds it; "" where it has none.
    """
    own = modality_of(image_name)
    return channel if own in (None, modality_of(channel)) else f"{str(own).upper()} as {channel}"


def likest(channel: str) -> tuple[str, ...]:
    """The other contrasts that a channel may be given in place of its own, the most alike first.

    >>> likest("T2")
    ('flair', 'pd', 't1ce', 't1')
    """
    wanted = modality_of(channel)
    if wanted not in _ALIKE:
        return ()
    at = _ALIKE.index(wanted)
    others = [contrast for contrast in _ALIKE if contrast != wanted]
    return tuple(sorted(others, key=lambda contrast: abs(_ALIKE.index(contrast) - at)))


def substituted(images: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Which contrast stands in for a channel's own, by the names: channel to contrast.

    Parameters
    ----------
    images : iterable of (str, str)
        Channel of the model, and name of the image that was given for it.

    Examples
    --------
    >>> substituted([("t2", "sub-01_FLAIR.nii.gz"), ("t1", "scan7")])
    {'t2': 'flair'}
    """
    found = [(channel, modality_of(name)) for channel, name in images]
    return {channel: own for channel, own in found if own not in (None, modality_of(channel)) and own}


def says_contrast_alone(name: str) -> bool:
    """Whether a name has a contrast, with how it was made, and nothing else: no patient's name, no number.

    >>> [says_contrast_alone(name) for name in ("T1POST", "t2_tirm_tra_dark-fluid", "p7_flair")]
    [True, True, False]
    """
    if re.search(r"(?:^|_)(?:sub|ses)-", name.lower()):
        return False
    known = (*_CONTRASTS.values(), re.compile(rf"(?!p\d)(?:{_ASIDE}|{_ENHANCED}|withagent|darkfluid)"))
    words = _words(name)
    return modality_of(name) is not None and all(any(k.fullmatch(word) for k in known) for word in words)


def is_label_name(name: str) -> bool:
    """Whether a name is a segmentation's (``_seg``, ``label``, ``mask``, ``LESIONS``...) and no image's."""
    return any(_LABEL.fullmatch(word) for word in _words(name))


def match_channels(names: Iterable[str], channels: Sequence[str]) -> dict[str, str]:
    """Find for each channel of a model the name that means the same contrast.

    Parameters
    ----------
    names : iterable of str
        Names of files or layers; those of segmentations are passed over, and those of phases, maps,
        subtractions, localizers and the like, unless the channel is called so.
    channels : sequence of str
        The model's channel names in any usual spelling, such as ``["flair", "T1c"]``.

    Returns
    -------
    dict
        Channel to name, in the order of ``channels``.

    Raises
    ------
    NoImageError
        No name fits a channel; the sentence lists what was seen.
    CaseError
        More than one does.
    """
    seen = [name for name in names if not is_label_name(name)]
    matched: dict[str, str] = {}
    for channel in channels:
        fitting = [name for name in seen if _fits(name, channel) and not _is_other(name, channel)]
        if not fitting:
            raise NoImageError(
                f"No image for channel {channel}: seen were {_listed(seen)}. "
                f"The name of an image must say {channel}.",
                command=f"Or say which one it is, as {channel}=FILE.",
            )
        if len(fitting) > 1:
            raise CaseError(
                f"Channel {channel} could be any of {_listed(fitting)}. Leave one of them there.",
                command=f"Or say which one, as {channel}=FILE.",
            )
        matched[channel] = fitting[0]
    return matched


def _listed(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "no image") + more


def _is_other(name: str, channel: str) -> bool:
    """Whether a name says a map, a phase, a subtraction or the like, and the channel's does not."""
    words, wanted = _words(name), _words(channel)
    for index, word in enumerate(words):
        before, after = words[index - 1] if index else "", words[index + 1] if index + 1 < len(words) else ""
        of_passage = word == "phase" and _PASSAGE.fullmatch(before)
        # "x_sub_01" is a patient.
        said = _OTHER.fullmatch(word) or (index and _OTHER_AFTER.fullmatch(word) and not after.isdigit())
        if said and word not in wanted and not of_passage:
            return True
    return False


def _fits(name: str, channel: str) -> bool:
    wanted = modality_of(channel)
    if wanted is not None:
        return modality_of(name) == wanted
    # A channel that is no known contrast must stand in the name, word for word.
    words, sought = _words(name), _words(channel)
    return any(words[i : i + len(sought)] == sought for i in range(len(words) - len(sought) + 1))


def _words(name: str) -> list[str]:
    text = without_suffix(name).lower()
    own = _OWN_WORDS.findall(text)
    agent = any(_AGENT_WITHIN.search(word) and not _NONE_WITHIN.search(word) for word in own)
    text = _ENTITY.sub("", text) + ("_withagent" if agent else "")
    text = text.replace("t2*", "t2star")
    text = re.sub(
        r"\bdark[^a-z0-9]?fluid|(?<![a-z])da[^a-z0-9]fl(?![a-z])", "darkfluid", text.replace("_", " ")
    )
    # "+C" and "C+" are scanners' words for contrast agent, "C-" for none.
    text = re.sub(r"\+ ?c(?![a-z0-9])|(?<![a-z])c\+", " withagent ", text)
    text = re.sub(r"(?<![a-z0-9])c-(?![a-z0-9])", " native ", text)
    # A "T1 FLAIR" is a T1 with an inversion pulse; only the T2 one is called FLAIR alone.
    text = re.sub(r"(t1w?)[^a-z0-9]*flair", r"\1", text)
    return re.findall(r"[a-z0-9]+", text)


def _is_reference(words: Sequence[str], index: int) -> bool:
    """Whether the word at ``index``, after a contrast, is what that was registered to."""
    if words[index - 1] in _REFERENCE:
        return True
    # SPACE is also a sequence, which is named after the contrast that it makes and before its planes.
    return words[index - 1] == "space" and not _CONTRASTS["flair"].fullmatch(words[index])


def _is_of_t1(words: Sequence[str], index: int, contrast: str, found: Sequence[tuple[int, str]]) -> bool:
    """Whether a word that is a contrast by itself only says how a T1 before it was made.

    ``t1_tirm_tra_dark-fluid`` is a T1 with an inversion pulse, and ``T1 GRE`` no T2*.
    """
    if contrast not in ("flair", "t2star") or words[index].startswith(("t1", "t2", "swi")):
        return False
    before = [at for at, other in found if other in ("t1", "t1ce") and at < index]
    return any(
        all(re.fullmatch(rf"(?:{_ASIDE})|darkfluid", word) for word in words[at + 1 : index]) for at in before
    )


def _has_agent(words: Sequence[str], t1: int) -> bool:
    after = next((i for i in range(t1 + 1, len(words)) if not re.fullmatch(_ASIDE, words[i])), None)
    for index, word in enumerate(words):
        if index and words[index - 1] in _WITHOUT:
            continue
        if word == "post" and index + 1 < len(words) and _TREATMENT.fullmatch(words[index + 1]):
            continue
        if _AGENT.fullmatch(word) or (index == after and _AGENT_AFTER_T1.fullmatch(word)):
            return True
    return False
