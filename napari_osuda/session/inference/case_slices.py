"""Cases as slices, as a model card says."""

from __future__ import annotations

from napari_osuda.imaging import SliceSpec, SliceStack
from napari_osuda.models import ModelCard
from napari_osuda.session.inference.sliding_window import windows


def slice_spec(card: ModelCard) -> SliceSpec:
    """What a model card says of preprocessing, in the words of imaging."""
    return SliceSpec(
        plane=card.plane,
        orientation=card.orientation,
        size=card.size,
        field_of_view_mm=card.field_of_view_mm,
        spacing_mm=card.spacing_mm,
        crop_to_head=card.crop_to_head,
        window=card.window,
        interpolation=card.interpolation,
        step=card.step,
        minimum=card.minimum,
        normalization=card.normalisation,
        intensity_maps=card.intensity_maps,
    )


def parts(stack: SliceStack) -> int:
    """In how many parts a case goes through the network: slices with brain, or windows of a volume."""
    if stack.patch is None:
        return int(stack.foreground.sum())
    return len(windows(stack.shape, stack.patch, stack.head))
