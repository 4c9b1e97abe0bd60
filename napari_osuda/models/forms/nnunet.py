"""Folders of nnU-Net v2: ``dataset.json``, ``plans.json`` and ``fold_X/checkpoint_final.pth``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from torch import nn

from napari_osuda.errors import ModelError
from napari_osuda.models.architectures.fitting import network_with_weights, rewritten
from napari_osuda.models.architectures.library import check_architecture
from napari_osuda.models.card import ModelCard
from napari_osuda.models.files.documents import read_json, typed
from napari_osuda.models.files.packages import MAX_TEXT, Package
from napari_osuda.models.files.weights import Weights, read_weights
from napari_osuda.models.forms.nnunet_documents import Dataset, Plans
from napari_osuda.models.forms.nnunet_plans import (
    architecture_of,
    configuration_of,
    describe_labels,
    describe_preprocessing,
)
from napari_osuda.models.forms.reading import Native, Reading, Trust

__all__ = ["read", "recognize"]

_PLANS, _DATASET = "plans.json", "dataset.json"
_CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_best.pth", "checkpoint_latest.pth")
_HINT = (
    "nnU-Net's default trainer uses InstanceNorm; train with the trainer that comes with it for BatchNorm: "
    "nnUNetv2_train DATASET CONFIGURATION FOLD -tr nnUNetTrainerBN"
)


def recognize(package: Package) -> bool:
    """Whether the folder, or folders in it, hold plans and dataset of nnU-Net."""
    return bool(_roots(package))


def _roots(package: Package) -> list[str]:
    """Where trained models are in the package: "" or folders in it, with a slash at the end."""
    if package.kind == "file":
        return []
    if package.has(_PLANS):
        return [""] if package.has(_DATASET) else []
    folders = [str(path.parent) + "/" for path in map(PurePosixPath, package.names()) if path.name == _PLANS]
    return [folder for folder in folders if package.has(folder + _DATASET)]


def read(package: Package, answers: Mapping[str, Any], trust: Trust) -> Reading:
    """Read plans, dataset and a fold's checkpoint; see :func:`napari_osuda.models.load_model`."""
    roots = _roots(package)
    if len(roots) > 1:
        raise ModelError(
            f"{package.path} holds {len(roots)} trained models of nnU-Net; give one of them: "
            f"{', '.join(root.rstrip('/') for root in roots)}."
        )
    (root,) = roots
    document = read_json(package, root + _DATASET)
    plans = typed(Plans, read_json(package, root + _PLANS), root + _PLANS)
    dataset = typed(Dataset, document, root + _DATASET)
    file, folds = _checkpoint(package, root)
    content, sha256 = package.read_checked(file, None)
    weights = read_weights(content, file)
    title = PurePosixPath(root).name or package.path.stem
    trained = _configuration(weights, title, plans)
    configuration = configuration_of(plans, trained, _PLANS)
    said: dict[str, Any] = {
        "name": f"{plans.dataset_name} {trained}" if plans.dataset_name else title,
        "raw": document,
    }
    guessed: dict[str, Any] = {}
    notes = [*weights.told, *describe_labels(dataset, said, guessed)]
    channels = len(said.get("channels") or guessed["channels"])
    notes += describe_preprocessing(plans, configuration, channels, said, guessed)
    if len(folds) > 1:
        notes.append(f"Of the folds {', '.join(folds)}, {file.removeprefix(root).split('/')[0]} is taken.")
    batch_norm = any(key.endswith("running_mean") for key in weights.tensors)
    outputs = len(said["output_channels"])
    said["architecture"] = architecture_of(configuration, batch_norm, channels, outputs, root + _PLANS)
    check_architecture(said["architecture"])

    def network(card: ModelCard) -> nn.Module:
        assert card.architecture is not None
        return network_with_weights(card.architecture, weights, file)

    native = Native(
        file.removeprefix(root),
        lambda adapted: rewritten(content, weights, adapted, file),
        {name: package.read(root + name, MAX_TEXT) for name in (_PLANS, _DATASET)},
    )
    hint = "" if batch_norm else _HINT
    return Reading("nnunet", said, guessed, sha256, network, tuple(notes), native, hint)


def _checkpoint(package: Package, root: str) -> tuple[str, list[str]]:
    """The checkpoint of the fold of all cases if there is one, else of the first fold; and all folds."""
    found: dict[str, str] = {}
    for fold in ("all", *range(10)):
        file = package.find(*(f"{root}fold_{fold}/{name}" for name in _CHECKPOINTS))
        if file is not None:
            found[f"fold_{fold}"] = file
    if not found:
        raise ModelError(f"{package.path} has plans of nnU-Net, but no {root}fold_0/{_CHECKPOINTS[0]}.")
    return next(iter(found.values())), list(found)


def _configuration(weights: Weights, title: str, plans: Plans) -> str:
    """The name of the configuration that was trained: of the checkpoint, or of the folder."""
    started = weights.beside.init_args
    if started is not None and started.configuration is not None:
        return started.configuration
    trained = title.split("__")[-1]
    if trained in plans.configurations:
        return trained
    raise ModelError(
        "Neither the checkpoint nor the folder's name (TRAINER__PLANS__CONFIGURATION) says which "
        "configuration was trained."
    )
