"""The protocols on real MRI, ready to be run: patients, and the source models that are trained for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from napari_osuda.benchmark.bench import Series
from napari_osuda.benchmark.patients import Patient, class_shares
from napari_osuda.benchmark.protocols import Protocol
from napari_osuda.benchmark.real.augmentation import Variation
from napari_osuda.benchmark.real.decathlon import find_hippocampi, hippocampus_patient
from napari_osuda.benchmark.real.lgg import LggPatient, find_lgg, lgg_patient, read_lgg
from napari_osuda.benchmark.real.protocols import (
    HIPPOCAMPUS_REGIONS,
    LGG_REGIONS,
    SOURCE_SITE,
    HippocampusProtocol,
    LggProtocol,
    Part,
    hippocampus_parts,
    lgg_parts,
)
from napari_osuda.benchmark.real.shifts import SHIFTS, shifted
from napari_osuda.benchmark.real.sources import Home, source_model
from napari_osuda.benchmark.real.training import RealRecipe
from napari_osuda.errors import CaseError
from napari_osuda.models import ModelCard
from napari_osuda.session import resolve_device

__all__ = ["HIPPOCAMPUS_RECIPES", "LGG_RECIPE", "hippocampus_series", "lgg_series"]

LGG_RECIPE = RealRecipe(variation=Variation(flip=1))
"""How the glioma models are trained; the slices' columns run from right to left."""
HIPPOCAMPUS_RECIPES: Mapping[str, RealRecipe] = {
    "hippocampus-2d": RealRecipe(epochs=12, features=(16, 32, 64, 64)),
    "hippocampus-3d": RealRecipe(
        epochs=40, batch_size=4, features=(8, 16, 32, 64), variation=Variation(flip=0, blur=0.8)
    ),
}
"""How the hippocampus models are trained, by their names."""

Tell = Callable[[str], None]


def lgg_series(
    root: Path,
    out: Path,
    protocols: Sequence[LggProtocol],
    part: Part = "judging",
    recipe: RealRecipe = LGG_RECIPE,
    tell: Tell = lambda text: None,
    device: str = "auto",
) -> list[Series]:
    """Protocols on the LGG data set; each patient a target of its own.

    Parameters
    ----------
    root : Path
        The data set, 256 x 256 or averaged to 128 x 128.
    out : Path
        Gets the trained models (``models/``), which a later call finds again.
    protocols : sequence of LggProtocol
    part : {"judging", "tuning"}
        Whose patients are the targets.
    recipe : RealRecipe
    tell : callable
        Told about training and about patients that are left out, a line at a time.
    device : {"auto", "cpu", "cuda", "mps"}
        Where source models are trained.

    Raises
    ------
    CaseError
        There is no such data, or nobody to train on or to test.
    OutputError
        ``out`` holds a model that was trained otherwise.
    """
    patients = find_lgg(root, tell)
    by_name = {patient.name: patient for patient in patients}
    contrasts = {patient.name: frozenset(read_lgg(patient).images) for patient in patients}
    parts = lgg_parts(patients)
    place = resolve_device(device)
    series = []
    for protocol in protocols:
        channels = {channel: channel for channel in protocol.images}
        load = partial(_lgg_named, by_name)
        here = [p for p in parts[part] if (p.site == SOURCE_SITE) == protocol.same_site]
        targets = _with(here, contrasts, protocol.images.values(), tell)
        if not targets:
            raise CaseError(f"There is no patient for '{protocol.name}' in {root}: is it the whole data set?")
        home = Home(
            protocol.model,
            _lgg_card(protocol, recipe),
            recipe,
            _with(parts["training"], contrasts, channels, tell),
            _with((p for p in parts["tuning"] if p.site == SOURCE_SITE), contrasts, channels, tell),
            partial(load, images=channels),
        )
        series.append(
            _series(protocol, home, targets, partial(load, images=protocol.images), out, tell, place)
        )
    return series


def _with(
    patients: Iterable[LggPatient], contrasts: Mapping[str, frozenset[str]], wanted: Iterable[str], tell: Tell
) -> tuple[str, ...]:
    """The names of the patients who have all contrasts that are wanted."""
    needed, having = set(wanted), []
    for patient in patients:
        lacking = needed - contrasts[patient.name]
        if lacking:
            tell(f"{patient.name} is left out: its pictures repeat FLAIR in the place of {min(lacking)}")
        else:
            having.append(patient.name)
    return tuple(having)


def _lgg_named(by_name: Mapping[str, LggPatient], name: str, images: Mapping[str, str]) -> Patient:
    return lgg_patient(by_name[name], images)


def _lgg_card(protocol: Protocol, recipe: RealRecipe) -> ModelCard:
    (channel,) = protocol.images
    return ModelCard.of(
        name=f"Lower-grade glioma from {channel}, institution {SOURCE_SITE}",
        channels=(channel,),
        labels={0: "background", 1: "lesion"},
        regions=dict(LGG_REGIONS),
        plane="axial",
        # Of the pictures as they come: rows to the back, columns to the patient's left, slices upwards.
        orientation="PLS",
        size=(128, 128),
        field_of_view_mm=(256.0, 256.0),
        # Whole heads in noisy air: no voxel is known to be background.
        normalisation="zscore",
        architecture=_unet(2, recipe, 2),
    )


def hippocampus_series(
    root: Path,
    out: Path,
    protocols: Sequence[HippocampusProtocol],
    part: Part = "judging",
    recipes: Mapping[str, RealRecipe] = HIPPOCAMPUS_RECIPES,
    tell: Tell = lambda text: None,
    device: str = "auto",
) -> list[Series]:
    """Protocols on the Decathlon's hippocampi; each image a target of its own.

    Parameters and errors are those of `lgg_series`, with a recipe for each model.
    """
    cases = find_hippocampi(root)
    parts = {name: tuple(case.name for case in few) for name, few in hippocampus_parts(cases).items()}
    by_name = {case.name: case for case in cases}
    place = resolve_device(device)

    def load(name: str, protocol: HippocampusProtocol, shift: str) -> Patient:
        patient = hippocampus_patient(by_name[name], protocol.images)
        return shifted(patient, SHIFTS[shift]) if shift else patient

    series = []
    for protocol in protocols:
        recipe = recipes[protocol.model]
        home = Home(
            protocol.model,
            _hippocampus_card(protocol, recipe),
            recipe,
            parts["training"],
            parts["tuning"],
            partial(load, protocol=protocol, shift=""),
        )
        target = partial(load, protocol=protocol, shift=protocol.shift)
        series.append(_series(protocol, home, parts[part], target, out, tell, place))
    return series


def _hippocampus_card(protocol: Protocol, recipe: RealRecipe) -> ModelCard:
    volume = protocol.model.endswith("3d")
    return ModelCard.of(
        name=f"Hippocampus from T1, {'volumes' if volume else 'sagittal slices'}",
        channels=tuple(protocol.images),
        labels={0: "background", 1: "anterior", 2: "posterior"},
        regions=dict(HIPPOCAMPUS_REGIONS),
        # A sagittal slice shows both ends of a hippocampus.
        plane="volume" if volume else "sagittal",
        orientation="RAS",
        size=(48, 64, 48) if volume else (64, 48),
        field_of_view_mm=(48.0, 64.0, 48.0) if volume else (64.0, 48.0),
        # Crops without air.
        normalisation="zscore",
        architecture=_unet(3, recipe, 3 if volume else 2),
    )


def _unet(classes: int, recipe: RealRecipe, dimensions: int) -> dict[str, Any]:
    arguments = {"in_channels": 1, "out_channels": classes, "features": list(recipe.features)}
    return {
        "import_from": "napari_osuda.networks",
        "callable": "UNet",
        "kwargs": arguments | ({"spatial_dims": 3} if dimensions == 3 else {}),
    }


def _series(
    protocol: Protocol,
    home: Home,
    targets: tuple[str, ...],
    load: Callable[[str], Patient],
    out: Path,
    tell: Tell,
    device: Any,
) -> Series:
    model = cache(partial(source_model, home, out / "models", tell, device))

    def ratio() -> tuple[float, ...]:
        # Of the source's patients, at most twenty: a ratio needs no more.
        return class_shares((home.load(name) for name in home.training[:20]), model().card)

    return Series(protocol, model, targets, load, ratio)
