"""ONNX graphs made harmless to convert: nothing that a stranger wrote in one reaches code or another file.

The conversion makes Python source out of a graph (torch.fx does), in which the names of nodes stand
unescaped, and that source is run. So it is given a copy of the graph that is built anew from its numbers
alone, with names of our own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from napari_osuda.errors import ModelError, shown

__all__ = ["check_graph", "plain_copy"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
# The words of attributes, and the equations of Einsum.
_TEXT = re.compile(r"[A-Za-z0-9_ ,.>-]{0,256}", re.ASCII)
_SHOWN = 60
_MOST_NODES, _MOST_MESSAGES = 20_000, 400_000


def check_graph(model: Any, where: str) -> None:
    """Refuse a graph that keeps numbers in other files, or that is more than a list of known kinds of node.

    Parameters
    ----------
    model : onnx.ModelProto
    where : str
        How messages call the file.

    Raises
    ------
    ModelError
        It has more parts than any network; a tensor, in whichever place, is in another file; a node has a
        graph inside it, is of another domain, or has an attribute that is no number, tensor or plain word;
        or a name is no text.
    """
    from onnx import TensorProto

    graph = model.graph
    parts = (graph.node, graph.initializer, graph.input, graph.output, graph.value_info)
    if max(map(len, parts)) > _MOST_NODES:
        raise ModelError(f"{where} has {max(map(len, parts)):,} parts of one kind, more than any network.")
    for seen, message in enumerate(_messages(model)):
        if seen > _MOST_MESSAGES:
            raise ModelError(f"{where} has more than {_MOST_MESSAGES:,} parts, more than any network.")
        if message.DESCRIPTOR.name == "TensorProto" and (
            message.data_location == TensorProto.EXTERNAL or message.external_data
        ):
            raise ModelError(
                f"{where} keeps the weights {shown(message.name)} in another file; save it in one: "
                "onnx.save(model, path, save_as_external_data=False)."
            )
    if not all(_is_text(name) for name in _names_in(model.graph)):
        raise ModelError(f"{where} has a name that is not text: the file is damaged. Export it again.")
    if model.functions:
        raise ModelError(f"{where} defines functions of its own, which are not read. Export it without them.")
    for node in model.graph.node:
        if node.domain or not _NAME.fullmatch(node.op_type):
            kind = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
            raise ModelError(f"{where} has the operation {shown(kind)}, which is not one of ONNX's own.")
        for attribute in node.attribute:
            _check_attribute(attribute, node.op_type, where)


def _names_in(graph: Any) -> Iterator[Any]:
    for values in (graph.initializer, graph.input, graph.output, graph.value_info):
        yield from (value.name for value in values)
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)


def _is_text(name: Any) -> bool:
    try:
        return isinstance(name, str) and name.encode() is not None
    except UnicodeEncodeError:
        return False


def _check_attribute(attribute: Any, kind: str, where: str) -> None:
    if attribute.HasField("g") or attribute.graphs or attribute.ref_attr_name:
        raise ModelError(f"{where} has a graph inside its operation {kind}, which is not read.")
    texts = [attribute.s, *attribute.strings]
    if not _NAME.fullmatch(attribute.name) or not all(
        _TEXT.fullmatch(text.decode("utf-8", "replace")) for text in texts
    ):
        raise ModelError(
            f"{where} has the attribute {shown(attribute.name)} of {kind}, which is not a plain word."
        )


def _messages(message: Any) -> Iterator[Any]:
    """The message and all that it holds, at any depth."""
    open_ones = [message]
    while open_ones:
        message = open_ones.pop()
        yield message
        for field, value in message.ListFields():
            if field.message_type is not None:
                open_ones += [value] if hasattr(value, "ListFields") else value


def plain_copy(model: Any) -> Any:
    """A graph that passed :func:`check_graph`, built anew with every name an identifier of ours.

    A node keeps the letters and digits of its name, for people who read the names of layers.

    Parameters
    ----------
    model : onnx.ModelProto
        Left as it is.

    Returns
    -------
    onnx.ModelProto
        Nodes and initializers in the same order, with the same numbers. Comments, metadata and whatever
        else the file has are left out.
    """
    import onnx

    names = _Names()
    copy = onnx.ModelProto(ir_version=model.ir_version)
    for used in model.opset_import:
        if not used.domain:
            copy.opset_import.add(domain="", version=used.version)
    graph, source = copy.graph, model.graph
    graph.name = "graph"
    for tensor in source.initializer:
        _copy_tensor(graph.initializer.add(), tensor, names.of(tensor.name))
    for values, into in ((source.input, graph.input), (source.output, graph.output),
                         (source.value_info, graph.value_info)):  # fmt: skip
        for value in values:
            _copy_value(into.add(), value, names)
    for i, node in enumerate(source.node):
        added = graph.node.add(op_type=node.op_type, name=f"n{i}_{_letters(node.name or node.op_type)}")
        added.input.extend(names.of(name) for name in node.input)
        added.output.extend(names.of(name) for name in node.output)
        for attribute in node.attribute:
            _copy_attribute(added.attribute.add(), attribute)
    return copy


class _Names:
    """Names of ours for names of theirs: the same for the same, and none for none."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {"": ""}

    def of(self, name: str) -> str:
        return self._known.setdefault(name, f"t{len(self._known)}")


def _letters(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", name)[-_SHOWN:].strip("_")


def _copy_tensor(into: Any, tensor: Any, name: str) -> None:
    into.CopyFrom(tensor)
    into.name = name
    into.ClearField("doc_string")
    if hasattr(into, "metadata_props"):
        into.ClearField("metadata_props")


def _copy_value(into: Any, value: Any, names: _Names) -> None:
    into.name = names.of(value.name)
    if not value.type.HasField("tensor_type"):
        return
    tensor = into.type.tensor_type
    tensor.elem_type = value.type.tensor_type.elem_type
    if not value.type.tensor_type.HasField("shape"):
        return
    tensor.shape.SetInParent()
    for size in value.type.tensor_type.shape.dim:
        added = tensor.shape.dim.add()
        if size.HasField("dim_value"):
            added.dim_value = size.dim_value
        elif size.dim_param:
            added.dim_param = names.of(f"size {size.dim_param}")


def _copy_attribute(into: Any, attribute: Any) -> None:
    into.name, into.type = attribute.name, attribute.type
    for field in ("f", "i", "s"):
        if attribute.HasField(field):
            setattr(into, field, getattr(attribute, field))
    for field in ("floats", "ints", "strings"):
        getattr(into, field).extend(getattr(attribute, field))
    if attribute.HasField("t"):
        _copy_tensor(into.t, attribute.t, "")
    for tensor in attribute.tensors:
        _copy_tensor(into.tensors.add(), tensor, "")
