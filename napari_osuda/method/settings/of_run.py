"""The settings of the session that runs the method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from napari_osuda.method.settings.declared import Group, Setting, described

__all__ = ["RunSettings"]


@described
@dataclass(frozen=True)
class RunSettings:
    """What the session that runs the method is told beside: batches, images, devices, the guard."""

    batch_size: Annotated[
        int, Setting("Batch size", Group.TRAINING, "Slices (or patches) a step.", low=1)
    ] = 16
    contrast: Annotated[
        Literal["off", "fitted", "names", "inverted", "fluid_bright", "both_bright"],
        Setting(
            "Contrast",
            Group.IMAGES,
            "names: an image whose name says another contrast than the network's channel is converted. "
            "Its intensities go through the curve that physics expects, "
            "unless the distance d_lc and the expected Dice contradict the name. "
            "fitted: that curve, changed as far as the source model becomes surer of its foreground by it. "
            "inverted, fluid_bright, both_bright: that curve, whatever the names. "
            "off: no conversion, as in the paper.",
            words=(
                "As it is",
                "Converted by name",
                "Converted by name, not fitted",
                "Inverted contrast",
                "Fluid made bright",
                "Fluid and edema made bright",
            ),
        ),
    ] = "fitted"
    minimum_head: Annotated[
        float,
        Setting(
            "Least share of head",
            Group.IMAGES,
            "Slices with less of the head than this share of the largest slice's are left out "
            "of steps and statistics. At the poles a slice is nearly all air. 0 takes all.",
            low=0,
            high=1,
        ),
    ] = 0.5
    pooled_slices: Annotated[
        int | None,
        Setting(
            "Slices for statistics",
            Group.STATISTICS,
            "The stored statistics are pooled over at most so many slices (or patches) of a case, evenly "
            "spaced. Neighboring slices look alike. Of many cases they are pooled over eight times as many "
            "in all. none: over all slices.",
            low=1,
            unit="slices",
        ),
    ] = 72
    mirror: Annotated[
        bool,
        Setting(
            "Mirror",
            Group.IMAGES,
            "Averages each prediction of the adapted model with that for the slice mirrored left to right, "
            "where the images are like their mirror images. The adapted model's card carries it.",
        ),
    ] = True
    second_look: Annotated[
        bool,
        Setting(
            "Second look",
            Group.IMAGES,
            "Removes separate pieces of a mask that the model does not find again when the image is rotated "
            "by 180 degrees. The adapted model's card carries it.",
        ),
    ] = True
    threads: Annotated[
        int | None,
        Setting(
            "Threads",
            Group.SAFETY,
            "CPU threads of torch; none leaves its setting.",
            low=1,
            high=1024,
        ),
    ] = None
    guard: Annotated[
        bool,
        Setting(
            "Guard",
            Group.SAFETY,
            "Lets evidence without labels recommend the original mask "
            "where the adapted one is not to be trusted.",
        ),
    ] = True
    fallback: Annotated[
        bool,
        Setting(
            "Fall back",
            Group.SAFETY,
            "Where the guard refuses the masks after training, it judges those of iteration 0 as well. "
            "If it accepts them, they are the result (image statistics only, nothing trained).",
        ),
    ] = True
    seed: Annotated[int, Setting("Seed", Group.TRAINING, "Order of the slices.", low=0, high=2**32 - 1)] = 0
