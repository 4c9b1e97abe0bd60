"""What a person should know of how a model sees a case: what it leaves out, and what is not sure."""

from __future__ import annotations

from napari_osuda.imaging import SliceStack
from napari_osuda.models import ModelCard
from napari_osuda.session.notes import Note, NoteKind

__all__ = ["case_notes"]

# Less of the head than this outside the field of view is an ear or the tip of a nose.
_UNSEEN = 0.01


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
    how = card.normalisation if isinstance(card.normalisation, tuple) else (card.normalisation,)
    if stack.case.head.has_noise and {"zscore_nonzero", "zscore_head"} & set(how):
        notes.append(
            Note(
                NoteKind.WHOLE_HEAD,
                f"'{name}' has noise in the air, so its skull was not removed, and the model leaves out a "
                "background of 0. If it was trained on images without skull, remove the skull first.",
            )
        )
    if not stack.case.grid.placed:
        notes.append(
            Note(
                NoteKind.PLACE,
                f"'{name}' does not say how it lies in the patient: left and right may be exchanged. "
                "Check the mask against the image.",
            )
        )
    return tuple(notes)
