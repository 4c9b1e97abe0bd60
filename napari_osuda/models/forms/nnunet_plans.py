"""What nnU-Net v2's plans and dataset.json say of a network, in terms of the model card.

The keys are those of nnU-Net 2.x (https://github.com/MIC-DKFZ/nnUNet), whose preprocessing is: turn the axes,
crop to what is not 0 in any channel, normalize each channel, resample; patches of a fixed size follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_osuda.errors import ModelError
from napari_osuda.models.card import Architecture, ModelCard

__all__ = ["architecture_of", "configuration_of", "describe_labels", "describe_preprocessing"]

_BUILDER = ("nnunetv2.utilities.get_network_from_plans", "get_network_from_plans")
_REQUIRE_IMPORT = ["conv_op", "norm_op", "dropout_op", "nonlin"]
_PLANES = {"S": "axial", "I": "axial", "A": "coronal", "P": "coronal", "L": "sagittal", "R": "sagittal"}
_SCHEMES = {"NoNormalization": "none", "RescaleTo01Normalization": "range"}
_DEPTH = 10


def configuration_of(plans: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    """One configuration of the plans, with what it inherits.

    Raises
    ------
    ModelError
        There is none of that name, it inherits from itself, or it needs the output of another one.
    """
    configurations = plans.get("configurations")
    if not isinstance(configurations, Mapping):
        raise ModelError(f"{where} has no configurations; only plans of nnU-Net v2 are read.")
    chain: list[Mapping[str, Any]] = []
    wanted: Any = name
    while wanted is not None:
        found = configurations.get(wanted)
        if not isinstance(found, Mapping) or len(chain) > _DEPTH:
            raise ModelError(
                f"{where} has no configuration '{wanted}'; it has {', '.join(map(str, configurations))}."
            )
        chain.append(found)
        wanted = found.get("inherits_from")
    merged: dict[str, Any] = {}
    for part in reversed(chain):
        merged.update(part)
    if merged.get("previous_stage"):
        raise ModelError(
            f"The configuration {name} of {where} takes the mask of {merged['previous_stage']} as an input; "
            "give the 2d or 3d_fullres one."
        )
    return merged


def architecture_of(
    configuration: Mapping[str, Any], batch_norm: bool, inputs: int, outputs: int, where: str
) -> Architecture:
    """The network of a configuration; ``batch_norm`` as its weights show, whatever the plans say.

    Raises
    ------
    ModelError
        The plans lack what a network is built from.
    """
    try:
        dims = len(configuration["patch_size"])
        said = configuration.get("architecture") or _older(configuration, dims)
        name, kwargs = str(said["network_class_name"]), dict(said["arch_kwargs"])
        names = list(said.get("_kw_requires_import", _REQUIRE_IMPORT))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{where} does not say what the network is: {error} is missing.") from None
    if batch_norm:
        # What nnUNetTrainerBN does to the plans' own norm as it builds the network.
        kwargs["norm_op"] = f"torch.nn.modules.batchnorm.BatchNorm{dims}d"
        kwargs["norm_op_kwargs"] = {"eps": 1e-5, "affine": True}
    module, function = _BUILDER
    return Architecture(
        import_from=module,
        callable=function,
        kwargs={
            "arch_class_name": name,
            "arch_kwargs": kwargs,
            "arch_kwargs_req_import": names,
            "input_channels": inputs,
            "output_channels": outputs,
            "deep_supervision": False,
        },
    )


def _older(configuration: Mapping[str, Any], dims: int) -> dict[str, Any]:
    """Plans from before nnU-Net 2.5, which give the figures of the network one by one."""
    name = str(configuration["UNet_class_name"])
    convolutions = list(configuration["n_conv_per_stage_encoder"])
    base, most = configuration["UNet_base_num_features"], configuration["unet_max_num_features"]
    blocks = "n_conv_per_stage" if name == "PlainConvUNet" else "n_blocks_per_stage"
    return {
        "network_class_name": f"dynamic_network_architectures.architectures.unet.{name}",
        "arch_kwargs": {
            "n_stages": len(convolutions),
            "features_per_stage": [min(base * 2**i, most) for i in range(len(convolutions))],
            "conv_op": f"torch.nn.modules.conv.Conv{dims}d",
            "kernel_sizes": configuration["conv_kernel_sizes"],
            "strides": configuration["pool_op_kernel_sizes"],
            blocks: convolutions,
            "n_conv_per_stage_decoder": configuration["n_conv_per_stage_decoder"],
            "conv_bias": True,
            "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dims}d",
            "norm_op_kwargs": {"eps": 1e-5, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
    }


def describe_labels(
    dataset: Mapping[str, Any], said: dict[str, Any], guessed: dict[str, Any], where: str
) -> tuple[str, ...]:
    """Channels, labels and regions into ``said`` and ``guessed``; gives what the user should know.

    Raises
    ------
    ModelError
        A key is missing or not as nnU-Net writes it.
    """
    channels = dataset.get("channel_names") or dataset.get("modality")
    labels = dataset.get("labels")
    if not isinstance(channels, Mapping) or not channels or not isinstance(labels, Mapping):
        raise ModelError(f"{where} has no channel_names and labels as nnU-Net v2 writes them.")
    names = tuple(str(name) for _, name in sorted(channels.items(), key=lambda item: int(item[0])))
    # A name can also be only a way to normalize.
    words = {"zscore", "nonorm", "rescale_to_0_1", "rgb_to_0_1"}
    if len(set(names)) == len(names) and not {name.casefold() for name in names} & words:
        said["channels"] = names
    else:
        guessed["channels"] = tuple(f"channel {i}" for i in range(1, len(names) + 1))
    try:
        values = {
            str(name): tuple(int(v) for v in (value if isinstance(value, list) else [value]))
            for name, value in labels.items()
            if str(name) != "ignore"
        }
    except (TypeError, ValueError):
        raise ModelError(f"{where}: labels must be numbers or lists of numbers.") from None
    foreground = {name: inner for name, inner in values.items() if set(inner) != {0}}
    if all(len(inner) == 1 for inner in values.values()):
        ordered = sorted((inner[0], name) for name, inner in values.items())
        said["labels"] = dict(ordered)
        said["output_channels"] = tuple(name for _, name in ordered)
        said["activation"] = "softmax"
        return ()
    said["output_channels"] = tuple(foreground)
    said["regions"] = foreground
    said["activation"] = "sigmoid"
    every = sorted({value for inner in foreground.values() for value in inner})
    said["labels"] = {0: "background"} | {value: _name(value, foreground) for value in every}
    return _order_note(dataset.get("regions_class_order"), said)


def _name(value: int, regions: Mapping[str, tuple[int, ...]]) -> str:
    """A label's name from the smallest region that has it."""
    name = min((name for name in regions if value in regions[name]), key=lambda name: len(regions[name]))
    return name if regions[name] == (value,) else f"{name} ({value})"


def _order_note(order: Any, said: Mapping[str, Any]) -> tuple[str, ...]:
    card = ModelCard.of(**{"channels": ("any",), **said, "spatial_dims": 2})
    if not isinstance(order, list) or tuple(order) == card.channel_values:
        return ()
    return (
        f"nnU-Net writes the regions {', '.join(said['output_channels'])} as {order}; here they are written "
        f"as {list(card.channel_values)}.",
    )


def describe_preprocessing(
    plans: Mapping[str, Any],
    configuration: Mapping[str, Any],
    channels: int,
    said: dict[str, Any],
    guessed: dict[str, Any],
) -> tuple[str, ...]:
    """Orientation, plane, spacing, size and normalisation; gives what the user should know.

    Raises
    ------
    ModelError
        The plans lack one, or a channel is normalized as no MRI is.
    """
    try:
        patch = tuple(int(n) for n in configuration["patch_size"])
        spacing = tuple(float(mm) for mm in configuration["spacing"])
        strides = configuration.get("pool_op_kernel_sizes")
        strides = strides or configuration["architecture"]["arch_kwargs"]["strides"]
        steps = np.prod(np.asarray(strides, int).reshape(len(strides), -1), axis=0)
        turn = [int(i) for i in plans.get("transpose_forward", (0, 1, 2))]
        schemes, masked = configuration["normalization_schemes"], configuration["use_mask_for_norm"]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"nnU-Net's plans lack what the preprocessing needs: {error}.") from None
    dims = len(patch)
    said["spatial_dims"] = dims
    said["step"] = tuple(int(n) for n in np.broadcast_to(steps, dims))
    said["crop_to_head"], said["interpolation"] = True, "cubic"
    if dims == 3:
        said["minimum"], said["size"] = said["step"], patch
        said["spacing_mm"] = spacing
    else:
        # A slice is at least one window.
        said["minimum"] = said["window"] = patch
        said["spacing_mm"] = (1.0, *spacing)
    said["normalisation"] = _normalizations(schemes, masked, channels)
    reader = str(plans.get("image_reader_writer", ""))
    # nnU-Net's arrays run along the file's axes in reverse order, which only its reorienting readers know.
    files = "SAR" if "Reorient" in reader else "SPL"
    orientation = "".join(files[i] for i in turn)
    (said if "Reorient" in reader else guessed)["orientation"] = orientation
    if dims == 2:
        (said if "Reorient" in reader else guessed)["plane"] = _PLANES[orientation[0]]
    notes = ["nnU-Net averages its predictions over mirrored images; here there is one."]
    if "Reorient" not in reader:
        notes.append(
            "nnU-Net takes images in the orientation of their files, last axis first: for training files in "
            "LPS the network saw SPL, for RAS files SAR."
        )
    return tuple(notes)


def _normalizations(schemes: Any, masked: Any, channels: int) -> tuple[str, ...]:
    if not (
        isinstance(schemes, list) and isinstance(masked, list) and len(schemes) == len(masked) == channels
    ):
        raise ModelError(
            f"nnU-Net's plans must have normalization_schemes and use_mask_for_norm for {channels} channels."
        )
    found = []
    for scheme, mask in zip(schemes, masked, strict=True):
        if scheme == "ZScoreNormalization":
            found.append("zscore_head" if mask else "zscore")
        elif scheme in _SCHEMES:
            found.append(_SCHEMES[scheme])
        else:
            raise ModelError(
                f"nnU-Net's plans normalize a channel by {scheme}, which is not for MRI; known are "
                f"ZScoreNormalization, {', '.join(_SCHEMES)}."
            )
    return tuple(found)
