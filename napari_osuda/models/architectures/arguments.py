"""The arguments of a network's class, read off the shapes of its weights, as far as shapes tell them.

Shapes do not tell strides where no kernel depends on them, dropout, or activations without parameters; those
stand at the values that their libraries' examples use, and the user is shown the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

__all__ = ["CLASSES", "infer_arguments", "spatial_dims_of"]

Tensors = Mapping[str, Tensor]

_MONAI = "monai.networks.nets"
_MOST_LEVELS = 100


def _out(tensors: Tensors, key: str) -> int:
    return int(tensors[key].shape[0])


def _kernel(tensors: Tensors, key: str) -> list[int]:
    return [int(n) for n in tensors[key].shape[2:]]


def _has(tensors: Tensors, start: str) -> bool:
    return any(key.startswith(start) for key in tensors)


def _count(tensors: Tensors, pattern: str) -> int:
    """How many consecutive numbers, from 0, the pattern has with ``{}`` in it.

    Raises
    ------
    KeyError
        More than any network of the closed list has.
    """
    for i in range(_MOST_LEVELS):
        if not _has(tensors, pattern.format(i)):
            return i
    raise KeyError(pattern)


def spatial_dims_of(tensors: Tensors) -> int:
    """2 or 3: the spatial axes of the first convolution's kernel.

    Raises
    ------
    KeyError
        There is no convolution.
    """
    kernels = [tensor.dim() for tensor in tensors.values() if tensor.dim() in (4, 5)]
    if not kernels:
        raise KeyError("no convolution")
    return kernels[0] - 2


def _norm(tensors: Tensors, other: Any) -> Any:
    """Batch where statistics are stored, else ``other``."""
    stored = next((key for key in tensors if key.endswith("running_mean")), None)
    if stored is None:
        return other
    return ["batch", {"affine": stored.removesuffix("running_mean") + "weight" in tensors}]


def _paper_unet(tensors: Tensors) -> dict[str, Any]:
    levels = _count(tensors, "encoders.{}.0.weight")
    first = tensors["encoders.0.0.weight"]
    return {
        "in_channels": int(first.shape[1]),
        "out_channels": _out(tensors, "head.weight"),
        "features": [_out(tensors, f"encoders.{i}.0.weight") for i in range(levels)],
        **({"spatial_dims": 3} if first.dim() == 5 else {}),
    }


def _basic(tensors: Tensors, first: str, level: str, last: str, head: str, up: str) -> dict[str, Any]:
    stem = tensors[f"{first}.conv_0.conv.weight"]
    widths = [int(stem.shape[0])]
    widths += [_out(tensors, f"{level.format(i)}.convs.conv_0.conv.weight") for i in range(1, 5)]
    widths.append(_out(tensors, f"{last}.convs.conv_0.conv.weight"))
    return {
        "spatial_dims": stem.dim() - 2,
        "in_channels": int(stem.shape[1]),
        "out_channels": _out(tensors, f"{head}.weight"),
        "features": widths,
        "norm": _norm(tensors, ["instance", {"affine": _has(tensors, f"{first}.conv_0.adn.N")}]),
        "bias": f"{first}.conv_0.conv.bias" in tensors,
        "upsample": "deconv" if _has(tensors, f"{up}.upsample.deconv") else "nontrainable",
    }


def _basic_unet(tensors: Tensors) -> dict[str, Any]:
    return _basic(tensors, "conv_0", "down_{}", "upcat_1", "final_conv", "upcat_4")


def _basic_unet_plus_plus(tensors: Tensors) -> dict[str, Any]:
    return _basic(tensors, "conv_0_0", "conv_{}_0", "upcat_0_4", "final_conv_0_4", "upcat_0_1")


def _unet(tensors: Tensors) -> dict[str, Any]:
    units = _count(tensors, "model.0.conv.unit{}.conv.weight")
    unit = "conv.unit0.conv.weight" if units else "conv.weight"
    stem = tensors[f"model.0.{unit}"]
    prefix, channels, strides = "model.", [], []
    while f"{prefix}0.{unit}" in tensors:
        channels.append(_out(tensors, f"{prefix}0.{unit}"))
        # A residual unit that does not halve the image has a shortcut of 1 x 1, or none.
        shortcut = tensors.get(f"{prefix}0.residual.weight")
        plain = bool(units) and (shortcut is None or max(shortcut.shape[2:]) == 1)
        strides.append(1 if plain else 2)
        prefix += "1.submodule."
    channels.append(_out(tensors, f"{prefix}{unit}"))
    up = "model.2.0.conv" if units else "model.2.conv"
    return {
        "spatial_dims": stem.dim() - 2,
        "in_channels": int(stem.shape[1]),
        "out_channels": int(tensors[f"{up}.weight"].shape[1]),
        "channels": channels,
        "strides": strides,
        "kernel_size": _kernel(tensors, f"model.0.{unit}"),
        "up_kernel_size": _kernel(tensors, f"{up}.weight"),
        "num_res_units": units,
        "act": "PRELU" if any(key.endswith("adn.A.weight") for key in tensors) else "RELU",
        "norm": _norm(tensors, "INSTANCE"),
        "bias": f"model.0.{unit.removesuffix('weight')}bias" in tensors,
    }


def _attention_unet(tensors: Tensors) -> dict[str, Any]:
    stem = tensors["model.0.conv.0.conv.weight"]
    prefix, channels = "model.1.", [int(stem.shape[0])]
    while f"{prefix}submodule.0.conv.0.conv.weight" in tensors:
        channels.append(_out(tensors, f"{prefix}submodule.0.conv.0.conv.weight"))
        prefix += "submodule.1."
    channels.append(_out(tensors, f"{prefix}submodule.conv.0.conv.weight"))
    return {
        "spatial_dims": stem.dim() - 2,
        "in_channels": int(stem.shape[1]),
        "out_channels": _out(tensors, "model.2.conv.weight"),
        "channels": channels,
        "strides": [2] * (len(channels) - 1),
        "kernel_size": _kernel(tensors, "model.0.conv.0.conv.weight"),
        "up_kernel_size": _kernel(tensors, "model.1.upconv.up.conv.weight"),
    }


def _seg_res_net(tensors: Tensors) -> dict[str, Any]:
    stem = tensors["convInit.conv.weight"]
    downs, ups = _count(tensors, "down_layers.{}."), _count(tensors, "up_layers.{}.")

    def blocks(layer: str) -> int:
        return sum(key.startswith(layer) and key.endswith(".conv1.conv.weight") for key in tensors)

    return {
        "spatial_dims": stem.dim() - 2,
        "init_filters": int(stem.shape[0]),
        "in_channels": int(stem.shape[1]),
        "out_channels": _out(tensors, "conv_final.2.conv.weight"),
        "norm": _norm(tensors, ["GROUP", {"num_groups": 8}]),
        "blocks_down": [blocks(f"down_layers.{i}.") for i in range(downs)],
        "blocks_up": [blocks(f"up_layers.{i}.") for i in range(ups)],
        "upsample_mode": "deconv" if _has(tensors, "up_samples.0.1.deconv") else "nontrainable",
    }


def _seg_res_net_ds(tensors: Tensors) -> dict[str, Any]:
    stem = tensors["encoder.conv_init.weight"]
    downs, ups = _count(tensors, "encoder.layers.{}."), _count(tensors, "up_layers.{}.")
    heads = [f"up_layers.{i}.head.weight" for i in range(ups) if f"up_layers.{i}.head.weight" in tensors]
    return {
        "spatial_dims": stem.dim() - 2,
        "init_filters": int(stem.shape[0]),
        "in_channels": int(stem.shape[1]),
        "out_channels": _out(tensors, heads[-1]),
        "norm": _norm(tensors, "instance"),
        "blocks_down": [_count(tensors, f"encoder.layers.{i}.blocks." + "{}.") for i in range(downs)],
        "blocks_up": [_count(tensors, f"up_layers.{i}.blocks." + "{}.") for i in range(ups)],
        "dsdepth": len(heads),
        "upsample_mode": "deconv" if _has(tensors, "up_layers.0.upsample.deconv") else "nontrainable",
    }


def _dyn_unet(tensors: Tensors) -> dict[str, Any]:
    stem = tensors["input_block.conv1.conv.weight"]
    downs, ups = _count(tensors, "downsamples.{}."), _count(tensors, "upsamples.{}.")
    blocks = ["input_block", *(f"downsamples.{i}" for i in range(downs)), "bottleneck"]
    # A transposed convolution's kernel is its stride there, and the stride of the level below.
    doublings = [_kernel(tensors, f"upsamples.{i}.transp_conv.conv.weight") for i in reversed(range(ups))]
    heads = _count(tensors, "deep_supervision_heads.{}.")
    return {
        "spatial_dims": stem.dim() - 2,
        "in_channels": int(stem.shape[1]),
        "out_channels": _out(tensors, "output_block.conv.conv.weight"),
        "kernel_size": [_kernel(tensors, f"{block}.conv1.conv.weight") for block in blocks],
        "strides": [[1] * (stem.dim() - 2), *doublings],
        "upsample_kernel_size": doublings,
        "filters": [_out(tensors, f"{block}.conv1.conv.weight") for block in blocks],
        "norm_name": _norm(tensors, ["INSTANCE", {"affine": True}]),
        "deep_supervision": heads > 0,
        "deep_supr_num": max(heads, 1),
        "res_block": _has(tensors, "input_block.conv3"),
        "trans_bias": "upsamples.0.transp_conv.conv.bias" in tensors,
    }


def _vnet(tensors: Tensors) -> dict[str, Any]:
    stem = tensors["in_tr.conv_block.conv.weight"]
    return {
        "spatial_dims": stem.dim() - 2,
        "in_channels": int(stem.shape[1]),
        "out_channels": _out(tensors, "out_tr.conv2.weight"),
        "dropout_dim": stem.dim() - 2,
        "act": "prelu" if any(key.endswith("act_function.weight") for key in tensors) else ["elu", {}],
        "bias": "in_tr.conv_block.conv.bias" in tensors,
    }


def _smp(tensors: Tensors) -> dict[str, Any]:
    stem = next(t for key, t in tensors.items() if key.startswith("encoder.") and t.dim() == 4)
    return {"in_channels": int(stem.shape[1]), "classes": _out(tensors, "segmentation_head.0.weight")}


def _torchvision(tensors: Tensors) -> dict[str, Any]:
    heads = [key for key, t in tensors.items() if key.startswith("classifier.") and t.dim() == 4]
    return {"num_classes": _out(tensors, heads[-1]), "aux_loss": _has(tensors, "aux_classifier.")}


def _any_class(tensors: Tensors) -> dict[str, Any]:
    """What the first and the last convolution tell of any network."""
    kernels = [(key, tensor) for key, tensor in tensors.items() if tensor.dim() in (4, 5)]
    stem, (last, head) = kernels[0][1], kernels[-1]
    bias = tensors.get(last.removesuffix("weight") + "bias")
    return {
        "spatial_dims": stem.dim() - 2,
        "in_channels": int(stem.shape[1]),
        "out_channels": int((head if bias is None else bias).shape[0]),
    }


# The classes whose weights are recognized without being told the class, and how.
CLASSES: Mapping[tuple[str, str], Callable[[Tensors], dict[str, Any]]] = {
    ("napari_osuda.networks", "UNet"): _paper_unet,
    (_MONAI, "BasicUNet"): _basic_unet,
    (_MONAI, "BasicUNetPlusPlus"): _basic_unet_plus_plus,
    (_MONAI, "UNet"): _unet,
    (_MONAI, "AttentionUnet"): _attention_unet,
    (_MONAI, "SegResNet"): _seg_res_net,
    (_MONAI, "SegResNetDS"): _seg_res_net_ds,
    (_MONAI, "DynUNet"): _dyn_unet,
    (_MONAI, "VNet"): _vnet,
}


def infer_arguments(module: str, name: str, tensors: Tensors) -> dict[str, Any] | None:
    """The arguments of a class of the closed list that its weights tell.

    Parameters
    ----------
    module, name : str
        Where the class is and what it is called.
    tensors : mapping of str to Tensor
        Its state dict.

    Returns
    -------
    dict or None
        None where the weights are not laid out as that class lays them out.
    """
    infer = CLASSES.get((module, name))
    if infer is None:
        infer = {"segmentation_models_pytorch": _smp, "torchvision.models.segmentation": _torchvision}.get(
            module, _any_class
        )
    try:
        return infer(tensors)
    except (KeyError, IndexError, StopIteration, ValueError):
        return None
