"""What a person should know of how a model sees a case: what it leaves out, and what is not sure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from napari_osuda.imaging import Case, SliceStack, channel_caption, modality_of
from napari_osuda.imaging.formats.nifti import forms_disagree
from napari_osuda.models import ModelCard
from napari_osuda.models.description.reading import provenance_of
from napari_osuda.session.notes import Note, NoteKind

__all__ = ["case_notes", "contrast_notes"]

# Less of the head than this outside the field of view is an ear or the tip of a nose.
_UNSEEN = 0.01
# An image of less than this part of what the model was trained on is a crop, and most of its input is empty.
_SMALL = 0.25
# Larger than any brain with its fluid.
_LARGEST_BRAIN_ML = 2000.0


def case_notes(stack: SliceStack, card: ModelCard) -> tuple[Note, ...]:
    """The notes on one case.

    Parameters
    ----------
    stack : SliceStack
        The case as the network sees it.
    card : ModelCard
    """
    name = stack.case.name
    notes = []
    if stack.unseen >= _UNSEEN:
        notes.append(
            Note(
                NoteKind.FIELD_OF_VIEW,
                f"The model does not see {stack.unseen:.0%} of the head of '{name}': it lies outside the "
                "model's field of view, and nothing is marked there.",
            )
        )
    case = stack.case
    notes += (*_crop_notes(stack, card), *_skull_notes(case, card))
    return (*notes, *_place_notes(case), *_gap_notes(case), *_made_notes(case))


def contrast_notes(case: Case, card: ModelCard) -> Iterator[Note]:
    """On images whose names say another contrast than the model's, or than it was adapted to."""
    for k, (channel, source) in enumerate(zip(case.channels, case.sources, strict=True)):
        named, known = modality_of(source.name), _adapted_to(card, k)
        if named is None or named in known:
            continue
        if known:
            yield Note(
                NoteKind.CONTRAST,
                f"By its name, '{source.name}' is {named.upper()}, and the model was adapted to "
                f"{', '.join(sorted(known)).upper()}. The mask may be wrong.",
            )
        elif named != modality_of(channel) and not _has_map(card, k):
            yield Note(
                NoteKind.CONTRAST,
                f"By its name, '{source.name}' is another contrast than the model's "
                f"({channel_caption(channel, source.name)}). The mask may be wrong: adapt the model to it.",
            )


def _adapted_to(card: ModelCard, k: int) -> set[str]:
    """What contrasts an adapted model says that its k-th channel was adapted to; none: it does not say."""
    target = provenance_of(card).get("target")
    cases = target if isinstance(target, list) else []
    said = [case.get("contrasts") for case in cases if isinstance(case, dict)]
    named = [of_case[k] for of_case in said if isinstance(of_case, list) and len(of_case) > k]
    return {name for name in named if isinstance(name, str)}


def _has_map(card: ModelCard, k: int) -> bool:
    return card.intensity_maps is not None and card.intensity_maps[k] != "identity"


def _crop_notes(stack: SliceStack, card: ModelCard) -> Iterator[Note]:
    """On an image that shows a small part of what the model was trained on."""
    view = card.field_of_view_mm
    if view is None or card.plane == "volume":
        return
    extent = stack.extent_mm
    if extent[0] * extent[1] < _SMALL * view[0] * view[1]:
        yield Note(
            NoteKind.FIELD_OF_VIEW,
            f"A slice of '{stack.case.name}' shows {extent[0]:.0f} x {extent[1]:.0f} mm, and the model knows "
            f"{view[0]:.0f} x {view[1]:.0f} mm. The mask may be wrong.",
        )


def _skull_notes(case: Case, card: ModelCard) -> Iterator[Note]:
    """On a model that knows brains without skull alone, and a whole head."""
    if card.skull_stripped is False or case.brain_share is not None:
        return
    volume = float(np.count_nonzero(case.head.mask)) * case.grid.voxel_ml
    if card.skull_stripped and (case.head.has_noise or volume > _LARGEST_BRAIN_ML):
        yield Note(
            NoteKind.WHOLE_HEAD,
            f"The model was trained on brains without skull, and '{case.name}' is a whole head. The mask may "
            "be wrong. Give a brain mask, or let the brain be extracted.",
        )
        return
    how = card.normalisation if isinstance(card.normalisation, tuple) else (card.normalisation,)
    if card.skull_stripped is None and case.head.has_noise and {"zscore_nonzero", "zscore_head"} & set(how):
        yield Note(
            NoteKind.WHOLE_HEAD,
            f"'{case.name}' has noise in the air, so its skull was not removed, and the model leaves out a "
            "background of 0. If it was trained on images without skull, give a brain mask.",
        )


def _place_notes(case: Case) -> Iterator[Note]:
    if not (case.placed and case.grid.placed):
        yield Note(
            NoteKind.PLACE,
            f"The header of '{case.name}' does not give the patient's directions: left and right may be "
            "exchanged. Check the mask against the image.",
        )
    headers = {case.name: case.grid} | {source.name: source.grid for source in case.sources if source.grid}
    for name, grid in headers.items():
        if forms_disagree(grid):
            yield Note(
                NoteKind.PLACE,
                f"The header of '{name}' contradicts itself (sform and qform, or voxel size). The sform "
                "is used. Check sides and volumes.",
            )


def _gap_notes(case: Case) -> Iterator[Note]:
    """On slices that leave much between them, or of which some may be missing."""
    for source in case.sources:
        if source.has_gaps:
            yield Note(
                NoteKind.GAPS,
                f"The slices of '{source.name or source.channel}' are {source.thickness:.3g} mm thick and "
                f"lie {source.between_mm:.3g} mm apart. Are slices missing? Volumes also count what lies "
                "between.",
            )


def _made_notes(case: Case) -> Iterator[Note]:
    """On what was done to the images."""
    moved = [source for source in case.sources if source.resampled]
    if moved:
        names = " and ".join(source.channel for source in moved)
        yield Note(
            NoteKind.GRID,
            f"Of '{case.name}', {names} was resampled to the voxels of {case.preparation.reference_grid} by "
            "the headers, without registration. Check that they match.",
        )
    for source in moved:
        if source.covered < 1 - _UNSEEN:
            yield Note(
                NoteKind.GRID,
                f"{source.channel} shows {source.covered:.0%} of the head of '{case.name}'. The mask is not "
                "to be trusted in the rest.",
            )
    if case.preparation.bias_field:
        yield Note(NoteKind.BIAS_FIELD, f"The bias field of '{case.name}' was corrected (N4).")
    if case.brain_share is not None:
        yield Note(
            NoteKind.BRAIN_MASK,
            f"The model does not see {1 - case.brain_share:.0%} of the head of '{case.name}': that part lies "
            "outside the brain mask.",
        )
