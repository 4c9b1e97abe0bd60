"""Networks that come as programs and not as classes, made into plain torch modules that can be adapted.

A program is followed once at the working size into a graph of tensor operations. Its batch normalizations
are then calls of ``torch.nn.functional.batch_norm``, as in any other network, on parameters and buffers that
have the program's own names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from napari_osuda.errors import ModelError

__all__ = ["Program", "follow"]

# The second and third return statistics beside the result.
_BATCH_NORM = "aten.batch_norm.default"
_WITH_STATISTICS = ("aten._native_batch_norm_legit_no_training.default", "aten.cudnn_batch_norm.default")


class Program(nn.Module):
    """A graph of tensor operations with its parameters and buffers.

    Parameters
    ----------
    graph : fx.Graph
        Its ``get_attr`` nodes name the tensors.
    tensors : mapping of str to Tensor
        By dotted name; copied.
    trained : set of str
        The names that are parameters; the others are buffers.
    in_training : int
        How many batch normalizations the program itself does by the statistics of each image, though it has
        stored ones, as one does that was saved in training mode. Here the stored ones are used.
    """

    def __init__(
        self, graph: fx.Graph, tensors: Mapping[str, Tensor], trained: set[str], in_training: int = 0
    ) -> None:
        super().__init__()
        self.in_training = in_training
        self.graph = graph
        for name, tensor in tensors.items():
            *path, last = name.split(".")
            owner: nn.Module = self
            for part in path:
                if part not in owner._modules:
                    owner.add_module(part, nn.Module())
                owner = owner._modules[part]  # type: ignore[assignment]
            value = tensor.detach().clone()
            if name in trained and value.is_floating_point():
                owner.register_parameter(last, nn.Parameter(value))
            else:
                owner.register_buffer(last, value)

    def forward(self, *inputs: Tensor) -> Any:
        """Run the graph."""
        return fx.Interpreter(self, graph=self.graph).run(*inputs)


def follow(program: nn.Module, example: Tensor, where: str) -> Program:
    """Follow a TorchScript program for one image.

    Parameters
    ----------
    program : nn.Module
        In eval mode, on the CPU.
    example : Tensor, shape [1, C, H, W] or [1, C, D, H, W]
        At the size at which the network will work.
    where : str
        How messages call the file.

    Raises
    ------
    ModelError
        It fails on the image, or is frozen: its weights are constants, and its normalization is folded into
        them.
    """
    from torch.fx.experimental.proxy_tensor import make_fx

    named = {**dict(program.named_parameters()), **dict(program.named_buffers())}
    if not named:
        raise ModelError(
            f"{where} is frozen: its weights are constants, and its normalization is folded into them. Save "
            "it without torch.jit.freeze or optimize_for_inference."
        )
    # One that was saved in training mode moves its statistics towards the example as it runs.
    before = {name: tensor.detach().clone() for name, tensor in named.items()}
    try:
        with torch.no_grad():
            traced = make_fx(program, pre_dispatch=True)(example)
            for key, moved in named.items():
                moved.copy_(before[key])
    except ModelError:
        raise
    except Exception as error:  # a program can fail in any way
        reason = (str(error) or type(error).__name__).strip().splitlines()[-1]
        raise ModelError(f"{where} fails on an image of shape {tuple(example.shape)}: {reason}") from None
    by_address = {(tensor.data_ptr(), tensor.shape): name for name, tensor in named.items() if tensor.numel()}
    tensors: dict[str, Tensor] = dict(named)
    for node in traced.graph.find_nodes(op="get_attr"):
        tensor = getattr(traced, node.target)
        name = by_address.get((tensor.data_ptr(), tensor.shape))
        if name is None:
            name = f"constants.{str(node.target).strip('_')}"
            tensors[name] = tensor
        node.target = name
    return _program(traced.graph, tensors, {name for name, _ in program.named_parameters()})


def of_exported(module: fx.GraphModule) -> Program:
    """The plain network of an exported program's module."""
    tensors: dict[str, Tensor] = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    trained = {name for name, _ in module.named_parameters()}
    for node in module.graph.find_nodes(op="get_attr"):
        if node.target not in tensors:
            owner = module.get_submodule(str(node.target).rpartition(".")[0])
            tensors[str(node.target)] = getattr(owner, str(node.target).rpartition(".")[2])
    for node in list(module.graph.nodes):
        # Guards on the shapes of the example; the network is asked what it takes by trying.
        if node.op == "call_module":
            module.graph.erase_node(node)
    return _program(module.graph, tensors, trained)


def _program(graph: fx.Graph, tensors: Mapping[str, Tensor], trained: set[str]) -> Program:
    in_training = _call_batch_norm(graph)
    return Program(graph, tensors, trained, in_training).float().eval()


def _call_batch_norm(graph: fx.Graph) -> int:
    """Make batch normalizations calls that can be intercepted; how many of them are in training mode."""
    in_training = 0
    for node in list(graph.nodes):
        kind = str(node.target)
        if node.op != "call_function" or kind not in (_BATCH_NORM, *_WITH_STATISTICS):
            continue
        x, weight, bias, mean, var, *rest = _positional(node)
        eps = rest[2] if kind == _BATCH_NORM else rest[-1]
        with graph.inserting_before(node):
            # Without statistics, the values of the batch are all that there is to normalize by.
            by_batch = mean is None
            in_training += kind == _BATCH_NORM and rest[0] is True and not by_batch
            call = graph.call_function(F.batch_norm, (x, mean, var, weight, bias, by_batch, 0.0, eps))
        for user in [node] if kind == _BATCH_NORM else list(node.users):
            user.replace_all_uses_with(call)
            if user is not node:
                graph.erase_node(user)
        graph.erase_node(node)
    return in_training


def _positional(node: fx.Node) -> Sequence[Any]:
    names = ("input", "weight", "bias", "running_mean", "running_var", "training", "momentum", "eps")
    given = list(node.args)
    return [*given, *(node.kwargs[name] for name in names[len(given) :] if name in node.kwargs)]
