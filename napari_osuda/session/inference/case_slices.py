"""Cases as slices, as a model card says."""

from __future__ import annotations

from collections.abc import Sequence

from napari_osuda.imaging import IntensityMap, Knots, SliceSpec, SliceStack
from napari_osuda.models import ModelCard
from napari_osuda.models.card_maps import CurveKnots
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
        intensity_maps=maps_of(card),
    )


def maps_of(card: ModelCard) -> tuple[IntensityMap, ...] | None:
    """The intensity maps that a card carries, in the words of imaging."""
    if card.intensity_maps is None:
        return None
    return tuple(Knots(how.x, how.y) if isinstance(how, CurveKnots) else how for how in card.intensity_maps)


def with_maps(card: ModelCard, maps: Sequence[IntensityMap]) -> ModelCard:
    """The card of a model that was adapted behind ``maps``."""
    carried = tuple(CurveKnots(x=how.x, y=how.y) if isinstance(how, Knots) else how for how in maps)
    return card.model_copy(update={"intensity_maps": carried})


def parts(stack: SliceStack, card: ModelCard) -> int:
    """In how many parts a case goes through the network: slices with brain, or windows of a volume."""
    if stack.patch is None:
        return int(stack.foreground.sum())
    return len(windows(stack.shape, stack.patch, stack.head, card.overlap, card.windows))
