"""ONNX files that keep their BatchNormalization nodes, through onnx2torch (the optional extra ``onnx``)."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from napari_osuda.errors import ModelError, NotAdaptableError
from napari_osuda.models.architectures.measured import measured
from napari_osuda.models.card import ModelCard
from napari_osuda.models.files.packages import Package
from napari_osuda.models.forms.onnx_names import check_graph, plain_copy
from napari_osuda.models.forms.reading import Native, Reading, Trust
from napari_osuda.models.forms.torchscript import reading_of_shapes, working_program, working_size

__all__ = ["read", "recognize"]

# The largest encoders of segmentation networks have about 2,000; each is followed several times.
_MOST_OPERATIONS = 3_000
_INSTALL = "pip install 'napari-osuda[onnx]'"


def recognize(package: Package) -> bool:
    """Whether it is a single ``.onnx`` file."""
    return package.kind == "file" and package.path.suffix.lower() == ".onnx"


def read(package: Package, answers: Mapping[str, Any], trust: Trust) -> Reading:
    """Read an ONNX graph, which needs no trust: of what it says, nothing but numbers is converted.

    See :func:`napari_osuda.models.load_model`.
    """
    name = package.path.name
    content, sha256 = package.read_checked(name, None)
    model = _parsed(content, name)
    _check_batch_norm(model, name)
    _without_identities(model)
    loaded = _converted(model, name)
    said, guessed = reading_of_shapes(loaded, package.path.stem, name)
    source = {key: value.clone() for key, value in loaded.state_dict().items()}

    def network(card: ModelCard) -> nn.Module:
        size = working_size(card)
        with measured(name, size):
            return working_program(loaded, card, name)

    native = Native(name, lambda adapted: _rewritten(content, source, adapted, name))
    return Reading("onnx", said, guessed, sha256, network, native=native)


def _parsed(content: bytes, name: str) -> Any:
    try:
        import onnx
    except ImportError:
        raise ModelError(f"{name} needs onnx and onnx2torch, which are not installed: {_INSTALL}") from None
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's own error types
        raise ModelError(f"{name} is not a readable ONNX file: {error}.") from None
    check_graph(model, name)
    return model


def _check_batch_norm(model: Any, name: str) -> None:
    kinds = [node.op_type for node in model.graph.node]
    if "BatchNormalization" in kinds:
        return
    other = next((kind for kind in kinds if "Norm" in kind), None)
    if other is not None:
        raise NotAdaptableError(
            f"{name} normalizes with {other}, which stores no source statistics, so there is nothing for "
            f"OSUDA to adapt. {kinds.count(other)} {other} nodes."
        )
    raise NotAdaptableError(
        f"{name} has no BatchNormalization nodes: exporters fold them into the convolutions. Export it again "
        "with torch.onnx.export(..., training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False, "
        "dynamo=False) from a model in eval mode."
    )


def _without_identities(model: Any) -> None:
    """Let nodes name the initializers themselves; the exporter puts Identity before those that are equal."""
    initial = {tensor.name for tensor in model.graph.initializer}
    same: dict[str, str] = {}
    kept = []
    for node in model.graph.node:
        if node.op_type == "Identity" and len(node.input) == len(node.output) == 1:
            source = same.get(node.input[0], node.input[0])
            if source in initial:
                same[node.output[0]] = source
                continue
        kept.append(node)
    # Copies, since what is cleared takes its nodes along.
    kept = [type(node).FromString(node.SerializeToString()) for node in kept]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    for node in model.graph.node:
        for i, wanted in enumerate(node.input):
            node.input[i] = same.get(wanted, wanted)


def _converted(model: Any, name: str) -> nn.Module:
    if len(model.graph.node) > _MOST_OPERATIONS:
        raise ModelError(
            f"{name} has {len(model.graph.node):,} operations, and of an ONNX graph at most "
            f"{_MOST_OPERATIONS:,} are read. Give the weights with the network's class instead."
        )
    try:
        from onnx2torch.converter import convert
    except ImportError:
        raise ModelError(f"{name} needs onnx2torch, which is not installed: {_INSTALL}") from None
    try:
        with warnings.catch_warnings(), measured(name):
            warnings.simplefilter("ignore")
            converted: nn.Module = convert(plain_copy(model)).eval()
            return converted
    except ModelError:
        raise
    except NotImplementedError as error:
        raise ModelError(f"{name} has an operation that onnx2torch does not know: {error}") from None
    except Exception as error:  # a graph can be wrong in any way
        raise ModelError(f"{name} cannot be converted: {str(error) or type(error).__name__}") from None


def _rewritten(content: bytes, source: Mapping[str, Tensor], adapted: nn.Module, name: str) -> bytes:
    """The file with the adapted values in the place of the old ones, found by their old values in order."""
    import onnx

    model = _parsed(content, name)
    _without_identities(model)
    _unshare(model)
    values = adapted.state_dict()
    left = {key: old.numpy() for key, old in source.items()}
    for tensor in _in_order_of_use(model):
        value = onnx.numpy_helper.to_array(tensor)
        # Layers that had equal values are told apart by their order, which conversion keeps.
        found = next(
            (k for k, old in left.items() if old.shape == value.shape and (old == value).all()), None
        )
        if found is not None and found in values:
            del left[found]
            new = values[found].detach().numpy().astype(value.dtype)
            tensor.CopyFrom(onnx.numpy_helper.from_array(new, tensor.name))
    rewritten: bytes = model.SerializeToString()
    _check_rewritten(rewritten, values, name)
    return rewritten


def _check_rewritten(content: bytes, values: Mapping[str, Tensor], name: str) -> None:
    model = _parsed(content, name)
    again = _converted(model, name).state_dict()
    lost = [key for key, value in again.items() if key in values and not torch.equal(value, values[key])]
    if lost:
        raise ModelError(
            f"{name} has no place of their own for {len(lost)} adapted tensors, first {lost[0]}; the adapted "
            "model is written as a model folder only."
        )


def _uses(model: Any) -> Iterator[tuple[Any, int, str]]:
    initial = {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        for i, wanted in enumerate(node.input):
            if wanted in initial:
                yield node, i, wanted


def _in_order_of_use(model: Any) -> list[Any]:
    by_name = {tensor.name: tensor for tensor in model.graph.initializer}
    return [by_name[name] for name in dict.fromkeys(name for _, _, name in _uses(model))]


def _unshare(model: Any) -> None:
    """Give each node initializers of its own, so that layers that were equal can become different."""
    by_name = {tensor.name: tensor for tensor in model.graph.initializer}
    seen: Counter[str] = Counter()
    for node, i, wanted in list(_uses(model)):
        seen[wanted] += 1
        if seen[wanted] > 1:
            copy = model.graph.initializer.add()
            copy.CopyFrom(by_name[wanted])
            copy.name = f"{wanted}__{seen[wanted]}"
            node.input[i] = copy.name
