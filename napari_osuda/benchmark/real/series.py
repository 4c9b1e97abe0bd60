"""The protocols on real MRI, ready to be run: patients, and the source models that are trained for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from napari_osuda.benchmark.bench import BenchSeries, Labeled
from napari_osuda.benchmark.patients import Patient, class_shares
from napari_osuda.benchmark.protocols import Protocol
from napari_osuda.benchmark.real.augmentation import Variation
from napari_osuda.benchmark.real.decathlon import HippocampusCase, find_hippocampi, hippocampus_patient
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
from napari_osuda.errors import CaseError, OutputError
from napari_osuda.files import written_whole
from napari_osuda.models import ModelCard
from napari_osuda.session import resolve_device

__all__ = [
    "HIPPOCAMPUS_RECIPES",
    "LGG_RECIPE",
    "RealBench",
    "hippocampus_series",
    "lgg_series",
    "shifted_hippocampus",
]

LGG_RECIPE = RealRecipe(epochs=45, variation=Variation(flip=1))
"""How the glioma models are trained; the slices' columns run from right to left."""
HIPPOCAMPUS_RECIPES: Mapping[str, RealRecipe] = {
    "hippocampus-2d": RealRecipe(epochs=8, features=(16, 32, 64, 64)),
    "hippocampus-3d": RealRecipe(
        epochs=30, batch_size=4, features=(8, 16, 32, 64), variation=Variation(flip=0, blur=0.8)
    ),
}
"""How the hippocampus models are trained, by their names."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class RealBench:
    """How a bench on real MRI is set up.

    Attributes
    ----------
    root : Path
        The data set's folder.
    out : Path
        The bench's; it keeps ``real.json``, and is gone on with on the same patients only.
    models : Path
        Gets the trained models, which a later bench finds again.
    part : {"judging", "tuning"}
        Whose patients are the targets.
    skip : int
        So many of each protocol's targets are passed over.
    count : int, optional
        So many of the others are run; all without it.
    epochs : int, optional
        Of training; the recipe's without it.
    tell : callable
        Told about training and about patients that are left out, a line at a time.
    device : {"auto", "cpu", "cuda", "mps"}
        Where source models are trained.
    """

    root: Path
    out: Path
    models: Path
    part: Part = "judging"
    skip: int = 0
    count: int | None = None
    epochs: int | None = None
    tell: Tell = lambda text: None
    device: str = "auto"

    def few(self, targets: tuple[str, ...]) -> tuple[str, ...]:
        """Those of a protocol's targets that are run."""
        return targets[self.skip :][: self.count]

    def recipe(self, own: RealRecipe) -> RealRecipe:
        """A model's recipe with what is asked for."""
        return own if self.epochs is None else replace(own, epochs=self.epochs)


def lgg_series(
    bench: RealBench, protocols: Sequence[LggProtocol], recipe: RealRecipe = LGG_RECIPE
) -> list[BenchSeries]:
    """Protocols on the LGG data set, 256 x 256 or averaged to 128 x 128; each patient a target of its own.

    Parameters
    ----------
    bench : RealBench
    protocols : sequence of LggProtocol
    recipe : RealRecipe
        Of the source models.

    Raises
    ------
    CaseError
        There are no such data, or nobody to test.
    OutputError
        ``bench.out`` holds a bench on others.

    Notes
    -----
    BenchSeries that have to be trained raise the errors of `source_model`.
    """
    patients = find_lgg(bench.root, bench.tell)
    by_name = {patient.name: patient for patient in patients}
    contrasts = {patient.name: frozenset(read_lgg(patient).images) for patient in patients}
    parts = lgg_parts(patients)
    recipe = bench.recipe(recipe)
    series = []
    for protocol in protocols:
        channels = {channel: channel for channel in protocol.images}
        here = [p for p in parts[bench.part] if (p.site == SOURCE_SITE) == protocol.same_site]
        targets = bench.few(_with(here, contrasts, protocol.images.values(), bench.tell))
        if not targets:
            raise CaseError(
                f"There is no patient for '{protocol.name}' in {bench.root}: is it the whole data set?"
            )
        home = Home(
            protocol.model,
            _lgg_card(protocol, recipe),
            recipe,
            _with(parts["training"], contrasts, channels, bench.tell),
            _with((p for p in parts["tuning"] if p.site == SOURCE_SITE), contrasts, channels, bench.tell),
            partial(_lgg_named, by_name, images=channels),
        )
        target = partial(_lgg_named, by_name, images=protocol.images)
        # Whose labels an upper bound may see besides the judged ones': nobody's who is to be judged later.
        rest = parts["tuning"] if bench.part == "judging" else ()
        alike = [p for p in rest if (p.site == SOURCE_SITE) == protocol.same_site]
        labeled = Labeled(_with(alike, contrasts, protocol.images.values(), lambda text: None), target)
        series.append(replace(_series(bench, protocol, home, targets, target), target=labeled))
    _record(bench)
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
    bench: RealBench,
    protocols: Sequence[HippocampusProtocol],
    recipes: Mapping[str, RealRecipe] = HIPPOCAMPUS_RECIPES,
) -> list[BenchSeries]:
    """Protocols on the Decathlon's hippocampi; each image a target of its own.

    Parameters and errors are those of `lgg_series`, with a recipe for each model.
    """
    cases = find_hippocampi(bench.root)
    parts = {name: tuple(case.name for case in few) for name, few in hippocampus_parts(cases).items()}
    by_name = {case.name: case for case in cases}

    def at_home(name: str, protocol: HippocampusProtocol) -> Patient:
        return hippocampus_patient(by_name[name], protocol.images)

    def away(name: str, protocol: HippocampusProtocol) -> Patient:
        return shifted_hippocampus(by_name[name], protocol)

    series = []
    for protocol in protocols:
        recipe = bench.recipe(recipes[protocol.model])
        home = Home(
            protocol.model,
            _hippocampus_card(protocol, recipe),
            recipe,
            parts["training"],
            parts["tuning"],
            partial(at_home, protocol=protocol),
        )
        target = partial(away, protocol=protocol)
        series.append(_series(bench, protocol, home, bench.few(parts[bench.part]), target))
    _record(bench)
    return series


def shifted_hippocampus(case: HippocampusCase, protocol: HippocampusProtocol) -> Patient:
    """A hippocampus as a protocol's scanner would show it."""
    patient = hippocampus_patient(case, protocol.images)
    return shifted(patient, SHIFTS[protocol.shift]) if protocol.shift else patient


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
    bench: RealBench,
    protocol: Protocol,
    home: Home,
    targets: tuple[str, ...],
    load: Callable[[str], Patient],
) -> BenchSeries:
    device = resolve_device(bench.device)
    model = cache(partial(source_model, home, bench.models, bench.tell, device))

    def ratio() -> tuple[float, ...]:
        # Of the source's patients, at most twenty: a ratio needs no more.
        return class_shares((home.load(name) for name in home.training[:20]), model().card)

    return BenchSeries(protocol, model, targets, load, ratio, Labeled(home.training, home.load))


def _record(bench: RealBench) -> None:
    """Keep who the targets are, and refuse to go on with others: rows of both would look alike."""
    path = bench.out / "real.json"
    record = {"root": str(bench.root.resolve()), "part": bench.part, "models": str(bench.models.resolve())}
    try:
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else record
    except ValueError:
        known = None
    if known != record:
        raise OutputError(f"{bench.out} holds a bench on other patients or models: give another --out.")
    if not path.is_file():
        with written_whole(path) as partial_path:
            partial_path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
