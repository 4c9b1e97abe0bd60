"""The settings of rivals of OSUDA: what they do in its loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from napari_osuda.method.settings.declared import Group, Setting, described

__all__ = ["RivalSettings"]


@described
@dataclass(frozen=True)
class RivalSettings:
    """What methods from elsewhere do otherwise; each is off in OSUDA."""

    entropy_margin: Annotated[
        float | None,
        Setting(
            "Entropy margin",
            Group.RIVALS,
            "SAR: only pixels whose entropy is below this share of log K count in eq. 6; none: all do.",
            low=0,
            high=1,
            above=True,
        ),
    ] = None
    sharpness: Annotated[
        float,
        Setting(
            "Sharpness (rho)",
            Group.RIVALS,
            "SAR: the gradient is taken where the loss is largest within this distance of the weights. "
            "0: at the weights.",
            low=0,
        ),
    ] = 0.0
    recovery: Annotated[
        float,
        Setting(
            "Recovery",
            Group.RIVALS,
            "SAR: back to the source's weights where the averaged entropy falls below this share of log K. "
            "0: never.",
            low=0,
        ),
    ] = 0.0
    gradient_alignment: Annotated[
        bool,
        Setting(
            "Align gradients",
            Group.RIVALS,
            "GraTa: learns from the consistency under changes of style and mirroring, not from the entropy; "
            "the more the two gradients agree.",
        ),
    ] = False
    test_time: Annotated[
        Literal["none", "ensemble", "prompt"],
        Setting(
            "At each prediction",
            Group.RIVALS,
            "InTEnt's ensemble over mixes of statistics, or VPTTA's prompt. "
            "These give masks and no model to save.",
            words=("Nothing", "Ensemble", "Prompt"),
        ),
    ] = "none"
    multi_view: Annotated[
        bool,
        Setting(
            "Several views",
            Group.RIVALS,
            "MuVi: learns the same mask from the image and from views with its axes exchanged. "
            "The masks are means over these views, so there is no model to save.",
        ),
    ] = False
    sgd_momentum: Annotated[
        float,
        Setting(
            "SGD momentum",
            Group.RIVALS,
            "Nesterov momentum of the optimizer sgd, which MuVi has. 0: none.",
            low=0,
            high=1,
        ),
    ] = 0.0
