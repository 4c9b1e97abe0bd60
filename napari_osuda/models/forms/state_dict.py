"""A bare file of weights (.pt, .pth, .ckpt, .safetensors) with a class from the closed list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from napari_osuda.errors import ModelError
from napari_osuda.models.architectures.arguments import CLASSES, infer_arguments, spatial_dims_of
from napari_osuda.models.architectures.fitting import fits, network_with_weights, rewritten, rivals_note
from napari_osuda.models.architectures.library import build_skeleton, check_architecture, installed
from napari_osuda.models.architectures.matching import unwrapped
from napari_osuda.models.card import Architecture, ModelCard
from napari_osuda.models.files.packages import Package
from napari_osuda.models.files.weights import Weights, read_weights
from napari_osuda.models.forms.reading import Native, Reading, Trust

__all__ = ["read", "recognize"]

_SUFFIXES = (".pt", ".pth", ".ckpt", ".safetensors", ".bin", ".tar", ".th", ".pkl", ".model")


def recognize(package: Package) -> bool:
    """Whether it is a single file with the suffix of weights."""
    return package.kind == "file" and package.path.suffix.lower() in _SUFFIXES


def read(package: Package, answers: Mapping[str, Any], trust: Trust) -> Reading:
    """Read the weights and find out what network they are of; see :func:`napari_osuda.models.load_model`."""
    name = package.path.name
    content, sha256 = package.read_checked(name, None)
    weights = read_weights(content, name)
    if weights.beside.trainer_name is not None and weights.container == "network_weights":
        raise ModelError(
            f"{package.path} is a checkpoint of nnU-Net; give the folder above it, which holds plans.json."
        )
    architecture = _answered(answers, weights) or guess_architecture(weights)
    reading = reading_of("state_dict", package.path.stem, name, weights, sha256, architecture, answers)

    native = Native(name, lambda adapted: rewritten(content, weights, adapted, name))
    return replace(reading, native=native)


def reading_of(
    form: str,
    title: str,
    where: str,
    weights: Weights,
    sha256: str,
    architecture: Architecture | None,
    answers: Mapping[str, Any],
) -> Reading:
    """The reading of weights whose card is yet unknown, for the class given."""
    try:
        dims = spatial_dims_of(weights.tensors)
    except KeyError:
        raise ModelError(f"{where} has no convolution, so it is not of a segmentation network.") from None
    said: dict[str, Any] = {"name": title, "spatial_dims": dims}
    guessed: dict[str, Any] = {}
    (said if "architecture" in answers else guessed)["architecture"] = architecture
    counts = _counts(architecture, weights.tensors)
    guessed["channels"] = tuple(f"channel {i}" for i in range(1, counts[0] + 1))
    guessed["output_channels"] = tuple(f"class {i}" for i in range(counts[1]))
    guessed["activation"] = "sigmoid" if counts[1] == 1 else "softmax"
    guessed["normalisation"] = "zscore_nonzero"
    if dims == 2:
        guessed["plane"] = "axial"
    guessed["orientation"] = "RAS"

    def network(card: ModelCard) -> nn.Module:
        assert card.architecture is not None
        return network_with_weights(card.architecture, weights, where)

    notes = (*weights.told, *rivals_note(architecture, weights))
    return Reading(form, said, guessed, sha256, network, notes)


def _answered(answers: Mapping[str, Any], weights: Weights) -> Architecture | None:
    """The class that the user names, with the arguments that shapes tell where the user gives none."""
    if not answers.get("architecture"):
        return None
    module, _, name = str(answers["architecture"]).strip().rpartition(".")
    given = answers.get("kwargs")
    given = {str(k): v for k, v in given.items()} if isinstance(given, Mapping) else {}
    best: Architecture | None = None
    for tensors in unwrapped(weights.tensors):
        inferred = infer_arguments(module, name, tensors)
        architecture = Architecture(import_from=module, callable=name, kwargs={**(inferred or {}), **given})
        check_architecture(architecture)
        if inferred is not None and fits(architecture, weights):
            return architecture
        if best is None or (inferred is not None and not best.kwargs.keys() - given.keys()):
            best = architecture
    return best


def guess_architecture(weights: Weights) -> Architecture | None:
    """The class of the closed list whose keys and shapes are exactly those of the weights, if any."""
    for tensors in unwrapped(weights.tensors):
        for module, name in CLASSES:
            inferred = infer_arguments(module, name, tensors)
            if inferred is None:
                continue
            architecture = Architecture(import_from=module, callable=name, kwargs=inferred)
            if installed(architecture) and fits(architecture, weights):
                return architecture
    return None


def _counts(architecture: Architecture | None, tensors: Mapping[str, Tensor]) -> tuple[int, int]:
    """Input and output channels, by the class's arguments or else by the first and the last convolution."""
    by_shape = infer_arguments("", "", tensors) or {}
    kwargs = {**by_shape, **(architecture.kwargs if architecture else {})}
    inputs = kwargs.get("in_channels", 1)
    outputs = next((kwargs[k] for k in ("classes", "num_classes", "out_channels") if k in kwargs), 2)
    if architecture is not None and "in_channels" not in architecture.kwargs:
        skeleton = build_skeleton(architecture)
        kernels = (
            [t for t in skeleton.state_dict().values() if t.dim() in (4, 5)] if skeleton is not None else []
        )
        inputs = int(kernels[0].shape[1]) if kernels else inputs
    return int(inputs), int(outputs)
