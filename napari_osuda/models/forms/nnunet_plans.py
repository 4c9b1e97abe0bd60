"""What nnU-Net v2's plans and dataset.json say of a network, in terms of the model card.

The keys are those of nnU-Net 2.x (https://github.com/MIC-DKFZ/nnUNet), whose preprocessing is: turn the axes,
crop to what is not 0 in any channel, normalize each channel, resample; patches of a fixed size follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_osuda.errors import ModelError, shown
from napari_osuda.models.card import Architecture, ModelCard
from napari_osuda.models.files.documents import typed
from napari_osuda.models.forms.nnunet_documents import Configuration, Dataset, Network, Plans

__all__ = ["architecture_of", "configuration_of", "describe_labels", "describe_preprocessing"]

_BUILDER = ("nnunetv2.utilities.get_network_from_plans", "get_network_from_plans")
# What plans from before nnU-Net 2.5 build a network from.
_OLDER = (
    "UNet_class_name", "UNet_base_num_features", "unet_max_num_features", "n_conv_per_stage_encoder",
    "n_conv_per_stage_decoder", "conv_kernel_sizes", "pool_op_kernel_sizes",
)  # fmt: skip
_PLANES = {"S": "axial", "I": "axial", "A": "coronal", "P": "coronal", "L": "sagittal", "R": "sagittal"}
_SCHEMES = {"NoNormalization": "none", "RescaleTo01Normalization": "range"}
_DEPTH = 10


def configuration_of(plans: Plans, name: str, where: str) -> Configuration:
    """One configuration of the plans, with what it inherits.

    Raises
    ------
    ModelError
        There is none of that name, it inherits from itself, it needs the output of another one, or it is
        not as nnU-Net writes it.
    """
    chain: list[dict[str, Any]] = []
    wanted: Any = name
    while wanted is not None:
        found = plans.configurations.get(wanted) if isinstance(wanted, str) else None
        if found is None or len(chain) > _DEPTH:
            raise ModelError(
                f"{where} has no configuration {shown(wanted)}; it has {', '.join(plans.configurations)}."
            )
        chain.append(found)
        wanted = found.get("inherits_from")
    merged: dict[str, Any] = {}
    for part in reversed(chain):
        merged.update(part)
    if merged.get("previous_stage"):
        raise ModelError(
            f"The configuration {name} of {where} takes the mask of {shown(merged['previous_stage'])} as an "
            "input; give the 2d or 3d_fullres one."
        )
    return typed(Configuration, merged, f"{where}: configurations.{name}")


def architecture_of(
    configuration: Configuration, batch_norm: bool, inputs: int, outputs: int, where: str
) -> Architecture:
    """The network of a configuration; ``batch_norm`` as its weights show, whatever the plans say.

    Raises
    ------
    ModelError
        The plans lack what a network is built from.
    """
    said = configuration.architecture or _older(configuration, where)
    kwargs = dict(said.arch_kwargs)
    if batch_norm:
        # What nnUNetTrainerBN does to the plans' own norm as it builds the network.
        kwargs["norm_op"] = f"torch.nn.modules.batchnorm.BatchNorm{configuration.dims}d"
        kwargs["norm_op_kwargs"] = {"eps": 1e-5, "affine": True}
    module, function = _BUILDER
    return Architecture(
        import_from=module,
        callable=function,
        kwargs={
            "arch_class_name": said.network_class_name,
            "arch_kwargs": kwargs,
            "arch_kwargs_req_import": said.requires_import,
            "input_channels": inputs,
            "output_channels": outputs,
            "deep_supervision": False,
        },
    )


def _older(configuration: Configuration, where: str) -> Network:
    """Plans from before nnU-Net 2.5, which give the figures of the network one by one."""
    c, dims = configuration, configuration.dims
    missing = [key for key in _OLDER if getattr(c, key) is None]
    if missing:
        raise ModelError(f"{where} does not say what the network is: {missing[0]} is missing.")
    name, convolutions = str(c.UNet_class_name), c.n_conv_per_stage_encoder or []
    base, most = c.UNet_base_num_features or 1, c.unet_max_num_features or 1
    blocks = "n_conv_per_stage" if name == "PlainConvUNet" else "n_blocks_per_stage"
    return Network(
        network_class_name=f"dynamic_network_architectures.architectures.unet.{name}",
        arch_kwargs={
            "n_stages": len(convolutions),
            "features_per_stage": [min(base * 2**i, most) for i in range(len(convolutions))],
            "conv_op": f"torch.nn.modules.conv.Conv{dims}d",
            "kernel_sizes": c.conv_kernel_sizes,
            "strides": c.pool_op_kernel_sizes,
            blocks: convolutions,
            "n_conv_per_stage_decoder": c.n_conv_per_stage_decoder,
            "conv_bias": True,
            "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dims}d",
            "norm_op_kwargs": {"eps": 1e-5, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
    )


def describe_labels(dataset: Dataset, said: dict[str, Any], guessed: dict[str, Any]) -> tuple[str, ...]:
    """Channels, labels and regions into ``said`` and ``guessed``; gives what the user should know."""
    channels = dataset.channel_names
    names = tuple(channels[key] for key in sorted(channels, key=int))
    # A name can also be only a way to normalize.
    words = {"zscore", "nonorm", "rescale_to_0_1", "rgb_to_0_1"}
    if len(set(names)) == len(names) and not {name.casefold() for name in names} & words:
        said["channels"] = names
    else:
        guessed["channels"] = tuple(f"channel {i}" for i in range(1, len(names) + 1))
    values = {
        name: tuple(value) if isinstance(value, list) else (value,)
        for name, value in dataset.labels.items()
        if name != "ignore"
    }
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
    return _order_note(dataset.regions_class_order, said)


def _name(value: int, regions: Mapping[str, tuple[int, ...]]) -> str:
    """A label's name from the smallest region that has it."""
    name = min((name for name in regions if value in regions[name]), key=lambda name: len(regions[name]))
    return name if regions[name] == (value,) else f"{name} ({value})"


def _order_note(order: list[int] | None, said: Mapping[str, Any]) -> tuple[str, ...]:
    card = ModelCard.of(**{"channels": ("any",), **said, "spatial_dims": 2})
    sizes = [len(said["regions"][name]) for name in said["output_channels"]]
    if order is not None and sizes != sorted(sizes, reverse=True):
        return (
            f"nnU-Net writes the regions {', '.join(said['output_channels'])} in this order, each over those "
            "before it. Here a smaller region is written over a larger one.",
        )
    if order is None or tuple(order) == card.channel_values:
        return ()
    return (
        f"nnU-Net writes the regions {', '.join(said['output_channels'])} as {order}; here they are written "
        f"as {list(card.channel_values)}.",
    )


def describe_preprocessing(
    plans: Plans, configuration: Configuration, channels: int, said: dict[str, Any], guessed: dict[str, Any]
) -> tuple[str, ...]:
    """Orientation, plane, spacing, size and normalization; gives what the user should know.

    Raises
    ------
    ModelError
        A channel is normalized as no MRI is.
    """
    patch, spacing, dims = tuple(configuration.patch_size), tuple(configuration.spacing), configuration.dims
    said["spatial_dims"] = dims
    said["step"] = configuration.steps()
    said["crop_to_head"], said["interpolation"] = True, "cubic"
    said["interpolated"], said["windows"] = "logits", "even"
    if dims == 3:
        said["minimum"], said["size"] = said["step"], patch
        said["spacing_mm"] = spacing
    else:
        # A slice is at least one window.
        said["minimum"] = said["window"] = patch
        said["spacing_mm"] = (1.0, *spacing)
    said["normalisation"] = _normalizations(configuration, channels)
    # nnU-Net's arrays run along the file's axes in reverse order, which only its reorienting readers know.
    reorients = "Reorient" in plans.image_reader_writer
    files = "SAR" if reorients else "SPL"
    orientation = "".join(files[i] for i in plans.transpose_forward)
    known = said if reorients else guessed
    known["orientation"] = orientation
    if dims == 2:
        known["plane"] = _PLANES[orientation[0]]
    notes = ["nnU-Net averages its predictions over mirrored images; here there is one."]
    if not reorients:
        notes.append(
            "nnU-Net takes images in the orientation of their files, last axis first: for training files in "
            "LPS the network saw SPL, for RAS files SAR."
        )
    return tuple(notes)


def _normalizations(configuration: Configuration, channels: int) -> tuple[str, ...]:
    schemes, masked = configuration.normalization_schemes, configuration.use_mask_for_norm
    if not len(schemes) == len(masked) == channels:
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
