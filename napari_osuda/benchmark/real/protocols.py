"""Shifts between real MRI, and who takes part in what: training, choosing, judging."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_osuda.benchmark.protocols import Catalog, Protocol
from napari_osuda.benchmark.real.decathlon import HippocampusCase
from napari_osuda.benchmark.real.lgg import LggPatient
from napari_osuda.benchmark.real.shifts import SHIFTS

__all__ = [
    "HIPPOCAMPUS",
    "HIPPOCAMPUS_CATALOG",
    "HIPPOCAMPUS_REGIONS",
    "LGG",
    "LGG_CATALOG",
    "LGG_REGIONS",
    "SOURCE_SITE",
    "TUNING_SITE",
    "HippocampusProtocol",
    "LggProtocol",
    "Part",
    "hippocampus_parts",
    "lgg_parts",
]

Part = Literal["training", "tuning", "judging"]
"""What patients are for: to train sources on, to choose settings on, and to report results on."""
SOURCE_SITE = "DU"
"""Whose patients the glioma models are trained on: the institution with the most."""
TUNING_SITE = "HT"
"""The other institution whose patients settings were chosen on."""

# Of the source's institution, drawn by chance among those with all contrasts before any model was trained.
_UNSEEN = frozenset(f"TCGA_DU_{name}" for name in (
    "5851", "5852", "5853", "5855", "5871", "6401", "6405", "7008", "7014", "8166", "A5TR", "A5TT",
))  # fmt: skip
_TUNING = frozenset(f"TCGA_DU_{name}" for name in ("5874", "6404", "7299", "7302", "8163", "A5TY"))


@dataclass(frozen=True)
class LggProtocol(Protocol):
    """A glioma model of institution DU, and the contrast that unseen patients hand it.

    Attributes
    ----------
    same_site : bool
        Whether the targets are of DU too, or of every other institution.
    """

    same_site: bool = False


@dataclass(frozen=True)
class HippocampusProtocol(Protocol):
    """A hippocampus model, and the shift of acquisition that unseen images have gone through.

    Attributes
    ----------
    shift : str
        Of `SHIFTS`; "" for none.
    """

    shift: str = ""


_CHANGED = (("flair", "t1post"), ("flair", "t1"), ("t1post", "flair"), ("t1post", "t1"))
_SLUGS = {"FLAIR": "flair", "T1 post": "t1post", "T1": "t1"}


def _lgg(channel: str, contrast: str, *, same_site: bool = False) -> LggProtocol:
    where = "unseen patients of the same institution" if same_site else "other institutions"
    what = f"{channel} to {contrast}" if contrast != channel else channel
    name = f"{_SLUGS[channel]}-to-{_SLUGS[contrast]}-{'same' if same_site else 'other'}-site"
    return LggProtocol(
        name, f"{what}, {where}", f"lgg-{_SLUGS[channel]}", {channel: contrast}, same_site=same_site
    )


LGG: Mapping[str, LggProtocol] = {
    protocol.name: protocol
    for protocol in (
        _lgg("FLAIR", "FLAIR"),
        _lgg("FLAIR", "T1 post"),
        _lgg("FLAIR", "T1"),
        _lgg("T1 post", "FLAIR"),
        _lgg("T1 post", "T1 post"),
        _lgg("T1 post", "T1"),
        # No contrast is changed: what a model that was trained on T1 finds there.
        _lgg("T1", "T1"),
        _lgg("FLAIR", "FLAIR", same_site=True),
        _lgg("T1 post", "T1 post", same_site=True),
        _lgg("FLAIR", "T1 post", same_site=True),
        _lgg("FLAIR", "T1", same_site=True),
        _lgg("T1 post", "FLAIR", same_site=True),
        _lgg("T1 post", "T1", same_site=True),
    )
}
"""Protocols on the LGG data set."""
LGG_REGIONS: Mapping[str, tuple[int, ...]] = {"WT": (1,)}
"""What is scored there: the lesion."""


def _hippocampus(dimensions: int, shift: str) -> HippocampusProtocol:
    what = SHIFTS[shift].title if shift else "no shift"
    return HippocampusProtocol(
        f"hippocampus-{dimensions}d-{shift or 'no-shift'}",
        f"Hippocampus, {dimensions}-D network, {what}",
        f"hippocampus-{dimensions}d",
        {"T1": "T1"},
        shift=shift,
    )


HIPPOCAMPUS: Mapping[str, HippocampusProtocol] = {
    protocol.name: protocol
    for dimensions in (2, 3)
    for protocol in (_hippocampus(dimensions, shift) for shift in (*SHIFTS, ""))
}
"""Protocols on the Decathlon's hippocampi."""
HIPPOCAMPUS_REGIONS: Mapping[str, tuple[int, ...]] = {
    "hippocampus": (1, 2),
    "anterior": (1,),
    "posterior": (2,),
}
"""What is scored there."""

_LGG_GROUPS: Mapping[str, tuple[Protocol, ...]] = {
    "other-site": tuple(LGG[f"{c}-to-{c}-other-site"] for c in ("flair", "t1post")),
    "other-contrast": tuple(LGG[f"{a}-to-{b}-other-site"] for a, b in _CHANGED),
    "other-contrast-same-site": tuple(LGG[f"{a}-to-{b}-same-site"] for a, b in _CHANGED),
    "no-shift": tuple(LGG[f"{c}-to-{c}-same-site"] for c in ("flair", "t1post")),
}
_BY_NETWORK = {
    f"{dimensions}d": tuple(p for p in HIPPOCAMPUS.values() if p.model == f"hippocampus-{dimensions}d")
    for dimensions in (2, 3)
}
LGG_CATALOG = Catalog(
    LGG,
    _LGG_GROUPS,
    tuple(p for name in ("other-site", "other-contrast", "no-shift") for p in _LGG_GROUPS[name]),
    tuple(LGG[f"flair-to-{contrast}-other-site"] for contrast in ("flair", "t1post", "t1")),
)
"""What runs on the LGG data set."""
HIPPOCAMPUS_CATALOG = Catalog(HIPPOCAMPUS, _BY_NETWORK, tuple(HIPPOCAMPUS.values()))
"""What runs on the Decathlon's hippocampi."""


def lgg_parts(patients: Sequence[LggPatient]) -> dict[Part, tuple[LggPatient, ...]]:
    """Who takes part in what, of the source's institution and of the others together.

    Training: DU's patients but those named here. Tuning: six of DU, and institution HT. Judging: twelve of
    DU, and every other institution.

    Parameters
    ----------
    patients : sequence of LggPatient
    """
    parts: dict[Part, list[LggPatient]] = {"training": [], "tuning": [], "judging": []}
    for patient in patients:
        if patient.site == SOURCE_SITE:
            known = patient.name in _UNSEEN, patient.name in _TUNING
            part: Part = "judging" if known[0] else "tuning" if known[1] else "training"
        else:
            part = "tuning" if patient.site == TUNING_SITE else "judging"
        parts[part].append(patient)
    return {part: tuple(members) for part, members in parts.items()}


def hippocampus_parts(cases: Sequence[HippocampusCase]) -> dict[Part, tuple[HippocampusCase, ...]]:
    """Who takes part in what, drawn by a fixed seed: a tenth each to tune and judge on, 20 at most.

    Parameters
    ----------
    cases : sequence of HippocampusCase
        In the order of their names.
    """
    order = np.random.default_rng(0).permutation(len(cases))
    few = min(20, max(1, len(cases) // 10))
    drawn: dict[Part, NDArray[np.intp]] = {
        "judging": order[:few],
        "tuning": order[few : 2 * few],
        "training": order[2 * few :],
    }
    return {part: tuple(cases[k] for k in sorted(indices)) for part, indices in drawn.items()}
