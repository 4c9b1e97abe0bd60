"""The networks that may be built, and for each the arguments and values that it may be built with.

A model's files come from strangers, and the libraries' constructors take paths, addresses and names of hubs
among their arguments. So nothing is passed on that does not stand here. An argument that is missing here is
refused, also one that is harmless: add it with the kind of value that it has.
"""

from __future__ import annotations

from collections.abc import Mapping

from napari_osuda.models.architectures.allowed_values import (
    COUNT,
    DIMS,
    FLAG,
    LEVELS,
    NUMBER,
    REPEATS,
    SIZES,
    STRIDES,
    Allowed,
    either,
    fixed,
    layer,
    listed,
    mapping,
    named,
    optional,
    whole,
    word,
)
from napari_osuda.models.architectures.nnunet import NNUNETS, OPERATIONS

__all__ = ["NETWORKS", "Arguments"]

Arguments = Mapping[str, Allowed]

# -- MONAI

_IN_OUT: Arguments = {"spatial_dims": DIMS, "in_channels": COUNT, "out_channels": COUNT}
_NORM_ARGUMENTS: Arguments = {
    "affine": FLAG, "eps": NUMBER, "momentum": optional(NUMBER), "track_running_stats": FLAG, "size": COUNT,
    "num_groups": COUNT, "num_features": COUNT, "num_channels": COUNT, "elementwise_affine": FLAG,
}  # fmt: skip
_NORM = layer(("batch", "instance", "group", "layer", "localresponse", "syncbatch", ""), _NORM_ARGUMENTS)
_ACT = layer(
    ("elu", "relu", "leakyrelu", "prelu", "relu6", "selu", "celu", "gelu", "sigmoid", "tanh", "softmax",
     "logsoftmax", "swish", "memswish", "mish", "geglu", ""),
    {"inplace": FLAG, "negative_slope": NUMBER, "alpha": NUMBER, "num_parameters": COUNT, "init": NUMBER,
     "dim": COUNT},
)  # fmt: skip
_DROPOUT = optional(either(NUMBER, layer(("dropout", "alphadropout"), {"p": NUMBER, "inplace": FLAG})))
_WINDOW = either(whole(1, 16), listed(whole(1, 16), 3))
_UPSAMPLE = word("deconv", "deconvgroup", "nontrainable", "pixelshuffle")
_INTERPOLATION = word(
    "nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "area", "transpose"
)
_ORDER = named("[NDAnda]{0,3}", "letters of 'NDA'")
_BACKBONE = word(
    *(f"efficientnet-b{i}" for i in range(9)),
    "efficientnet-l2",
    *(f"resnet{n}" for n in (10, 18, 34, 50, 101, 152, 200)),
)
_BASIC: Arguments = {
    **_IN_OUT, "features": SIZES, "act": _ACT, "norm": _NORM, "bias": FLAG, "dropout": _DROPOUT,
    "upsample": _UPSAMPLE,
}  # fmt: skip
_SEGRESNET: Arguments = {
    **_IN_OUT, "init_filters": COUNT, "dropout_prob": optional(NUMBER), "act": _ACT, "norm": _NORM,
    "use_conv_final": FLAG, "blocks_down": REPEATS, "blocks_up": REPEATS, "upsample_mode": _UPSAMPLE,
}  # fmt: skip
_SEGRESNET_DS: Arguments = {
    **_IN_OUT, "init_filters": COUNT, "act": _ACT, "norm": _NORM, "blocks_down": REPEATS,
    "blocks_up": optional(REPEATS), "dsdepth": LEVELS, "upsample_mode": _UPSAMPLE,
    "resolution": optional(listed(NUMBER, 3)),
}  # fmt: skip
_TRANSFORMER: Arguments = {
    **_IN_OUT, "img_size": SIZES, "feature_size": COUNT, "norm_name": _NORM, "qkv_bias": FLAG,
}  # fmt: skip
_MONAI: Mapping[str, Arguments] = {
    "AHNet": {
        **_IN_OUT, "pretrained": fixed(False), "progress": fixed(False), "layers": REPEATS,
        "psp_block_num": LEVELS, "upsample_mode": _INTERPOLATION,
    },
    "AttentionUnet": {
        **_IN_OUT, "channels": SIZES, "strides": STRIDES, "kernel_size": SIZES, "up_kernel_size": SIZES,
        "dropout": NUMBER,
    },
    "BasicUNet": _BASIC,
    "BasicUNetPlusPlus": {**_BASIC, "deep_supervision": FLAG},
    "DAF3D": {"in_channels": COUNT, "out_channels": COUNT, "visual_output": FLAG},
    "DynUNet": {
        **_IN_OUT, "kernel_size": SIZES, "strides": STRIDES, "upsample_kernel_size": STRIDES,
        "filters": optional(SIZES), "dropout": _DROPOUT, "norm_name": _NORM, "act_name": _ACT,
        "deep_supervision": FLAG, "deep_supr_num": LEVELS, "res_block": FLAG, "trans_bias": FLAG,
    },
    "FlexibleUNet": {
        **_IN_OUT, "pretrained": fixed(False), "backbone": _BACKBONE, "decoder_channels": SIZES,
        "norm": _NORM, "act": _ACT, "dropout": _DROPOUT, "decoder_bias": FLAG, "upsample": _UPSAMPLE,
        "pre_conv": optional(word("default")), "interp_mode": _INTERPOLATION, "is_pad": FLAG,
    },
    "HighResNet": {
        **_IN_OUT, "norm_type": _NORM, "acti_type": _ACT, "dropout_prob": _DROPOUT, "bias": FLAG,
        "layer_params": listed(
            mapping({"name": named("(conv|res)_[0-9]{1,3}", "a name"), "n_features": COUNT,
                     "kernel_size": SIZES, "kernels": SIZES, "repeat": whole(0, 16)}), 16),
        "channel_matching": word("pad", "project"),
    },
    "MedNeXt": {
        **_IN_OUT, "init_filters": COUNT, "encoder_expansion_ratio": SIZES, "decoder_expansion_ratio": SIZES,
        "bottleneck_expansion_ratio": COUNT, "kernel_size": COUNT, "deep_supervision": FLAG,
        "use_residual_connection": FLAG, "blocks_down": REPEATS, "blocks_bottleneck": REPEATS,
        "blocks_up": REPEATS, "norm_type": word("group", "instance", "layer"), "global_resp_norm": FLAG,
    },
    "Quicknat": {
        "num_classes": COUNT, "num_channels": COUNT, "num_filters": COUNT, "kernel_size": SIZES,
        "kernel_c": COUNT, "stride_conv": STRIDES, "pool": STRIDES, "stride_pool": STRIDES,
        "se_block": optional(word("None", "CSE", "SSE", "CSSE")), "drop_out": NUMBER, "act": _ACT,
        "norm": _NORM, "adn_ordering": _ORDER,
    },
    "SegResNet": {**_SEGRESNET, "norm_name": word(""), "num_groups": COUNT},
    "SegResNetVAE": {
        **_SEGRESNET, "input_image_size": SIZES, "vae_estimate_std": FLAG, "vae_default_std": NUMBER,
        "vae_nz": COUNT,
    },
    "SegResNetDS": _SEGRESNET_DS,
    "SegResNetDS2": _SEGRESNET_DS,
    "SwinUNETR": {
        **_TRANSFORMER, "patch_size": COUNT, "depths": REPEATS, "num_heads": SIZES, "window_size": _WINDOW,
        "mlp_ratio": NUMBER, "drop_rate": NUMBER, "attn_drop_rate": NUMBER, "dropout_path_rate": NUMBER,
        "normalize": FLAG, "patch_norm": FLAG, "use_checkpoint": FLAG, "use_v2": FLAG,
        "downsample": word("merging", "mergingv2"),
    },
    "UNETR": {
        **_TRANSFORMER, "hidden_size": COUNT, "mlp_dim": COUNT, "num_heads": COUNT,
        "proj_type": word("conv", "perceptron"), "conv_block": FLAG, "res_block": FLAG,
        "dropout_rate": NUMBER, "save_attn": FLAG,
    },
    "UNet": {
        **_IN_OUT, "channels": SIZES, "strides": STRIDES, "kernel_size": SIZES, "up_kernel_size": SIZES,
        "num_res_units": whole(0, 16), "act": _ACT, "norm": _NORM, "dropout": _DROPOUT, "bias": FLAG,
        "adn_ordering": _ORDER,
    },
    "VNet": {
        **_IN_OUT, "act": _ACT, "dropout_prob": optional(NUMBER), "dropout_prob_down": optional(NUMBER),
        "dropout_prob_up": listed(optional(NUMBER), 2), "dropout_dim": DIMS, "bias": FLAG,
    },
}  # fmt: skip

# -- segmentation_models_pytorch: what a class does not know it hands to the encoder, so nothing else may pass

_SMP_ACTIVATION = optional(
    word("identity", "sigmoid", "softmax", "softmax2d", "logsoftmax", "tanh", "argmax", "argmax2d", "clamp")
)
_SMP_BATCH_NORM = either(FLAG, word("inplace"))
_SMP_NORMS = word("batchnorm", "identity", "layernorm", "instancenorm", "inplace")
_SMP_NORM = either(FLAG, _SMP_NORMS, mapping({"type": _SMP_NORMS, **_NORM_ARGUMENTS}))
# Its own, and after "tu-" those of timm, which looks them up in its own list.
_SMP_ENCODERS = "|".join((
    r"(resnet|vgg|densenet|dpn)[0-9]+(_bn|b)?", "resnext(50|101)_32x[0-9]+d", "se_resne(t|xt)[0-9]+(_32x4d)?",
    "senet154", "inceptionresnetv2", "inceptionv4", "xception", "mobilenet_v2", "mobileone_s[0-4]",
    "mit_b[0-5]", "(timm-)?efficientnet-(b[0-8]|l2)", "timm-tf_efficientnet_lite[0-4]",
    "timm-skresne(t|xt)[0-9]+(_32x4d)?", "timm-(regnet|res2|resnest|mobilenetv3|gernet)[a-z0-9_]*",
    r"tu-[a-z0-9_]+(\.[a-z0-9_]+)?",
))  # fmt: skip
_SMP: Arguments = {
    "encoder_name": named(_SMP_ENCODERS, "the plain name of an encoder"),
    "encoder_weights": fixed(None),
    "encoder_depth": whole(1, 6),
    "in_channels": COUNT,
    "classes": COUNT,
    "activation": _SMP_ACTIVATION,
    "aux_params": optional(
        mapping({"classes": COUNT, "pooling": word("avg", "max"), "dropout": optional(NUMBER),
                 "activation": _SMP_ACTIVATION})
    ),
}  # fmt: skip
_SMP_UNET: Arguments = {
    **_SMP, "decoder_use_norm": _SMP_NORM, "decoder_use_batchnorm": _SMP_BATCH_NORM,
    "decoder_channels": SIZES, "decoder_attention_type": optional(word("scse")),
    "decoder_interpolation": _INTERPOLATION,
}  # fmt: skip
_SMP_DEEPLAB: Arguments = {
    **_SMP, "encoder_output_stride": COUNT, "decoder_channels": COUNT, "decoder_atrous_rates": SIZES,
    "decoder_aspp_separable": FLAG, "decoder_aspp_dropout": NUMBER, "upsampling": optional(COUNT),
}  # fmt: skip
_SMP_NETWORKS: Mapping[str, Arguments] = {
    "Unet": _SMP_UNET,
    "UnetPlusPlus": _SMP_UNET,
    "MAnet": {
        **{key: kind for key, kind in _SMP_UNET.items() if key != "decoder_attention_type"},
        "decoder_pab_channels": COUNT,
    },
    "Linknet": {**_SMP, "decoder_use_norm": _SMP_NORM, "decoder_use_batchnorm": _SMP_BATCH_NORM},
    "FPN": {
        **_SMP, "decoder_pyramid_channels": COUNT, "decoder_segmentation_channels": COUNT,
        "decoder_merge_policy": word("add", "cat"), "decoder_dropout": NUMBER,
        "decoder_interpolation": _INTERPOLATION, "upsampling": COUNT,
    },
    "PSPNet": {
        **_SMP, "psp_out_channels": COUNT, "decoder_use_norm": _SMP_NORM,
        "psp_use_batchnorm": _SMP_BATCH_NORM, "psp_dropout": NUMBER, "upsampling": COUNT,
    },
    "DeepLabV3": _SMP_DEEPLAB,
    "DeepLabV3Plus": _SMP_DEEPLAB,
    "PAN": {
        **_SMP, "encoder_output_stride": COUNT, "decoder_channels": COUNT,
        "decoder_interpolation": _INTERPOLATION, "upsampling": COUNT,
    },
    "UPerNet": {**_SMP, "decoder_channels": COUNT, "decoder_use_norm": _SMP_NORM, "upsampling": COUNT},
    "Segformer": {**_SMP, "decoder_segmentation_channels": COUNT, "upsampling": COUNT},
    "DPT": {
        **_SMP, "encoder_output_indices": optional(listed(COUNT, 16)),
        "decoder_readout": word("ignore", "add", "cat"), "decoder_intermediate_channels": SIZES,
        "decoder_fusion_channels": COUNT,
    },
}  # fmt: skip

# -- torchvision

_LRASPP: Arguments = {
    "weights": fixed(None), "weights_backbone": fixed(None), "progress": fixed(False), "num_classes": COUNT,
}  # fmt: skip
_TORCHVISION: Arguments = {**_LRASPP, "aux_loss": optional(FLAG)}

# -- nnU-Net

_NNUNET_OPERATION = optional(
    named(rf"torch\.nn\.(modules\.[a-z]+\.)?({'|'.join(OPERATIONS)})", f"torch.nn's {', '.join(OPERATIONS)}")
)
_NNUNET: Arguments = {
    "arch_class_name": named(
        rf"dynamic_network_architectures\.architectures\.[a-z_]+\.({'|'.join(NNUNETS)})",
        f"a network of dynamic_network_architectures: {', '.join(NNUNETS)}",
    ),
    "arch_kwargs": mapping({
        "n_stages": LEVELS, "features_per_stage": SIZES, "kernel_sizes": SIZES, "strides": STRIDES,
        "n_conv_per_stage": REPEATS, "n_blocks_per_stage": REPEATS, "n_conv_per_stage_decoder": REPEATS,
        "conv_bias": FLAG, "conv_op": _NNUNET_OPERATION, "norm_op": _NNUNET_OPERATION,
        "dropout_op": _NNUNET_OPERATION, "nonlin": _NNUNET_OPERATION,
        "norm_op_kwargs": optional(mapping(_NORM_ARGUMENTS)),
        "dropout_op_kwargs": optional(mapping({"p": NUMBER, "inplace": FLAG})),
        "nonlin_kwargs": optional(mapping({"inplace": FLAG, "negative_slope": NUMBER, "alpha": NUMBER})),
        "nonlin_first": FLAG, "deep_supervision": FLAG, "bottleneck_channels": optional(SIZES),
        "stem_channels": optional(COUNT),
    }),
    "arch_kwargs_req_import": listed(word("conv_op", "norm_op", "dropout_op", "nonlin"), 4),
    "input_channels": COUNT, "output_channels": COUNT, "allow_init": FLAG, "deep_supervision": optional(FLAG),
}  # fmt: skip

# By module and name.
NETWORKS: Mapping[str, Mapping[str, Arguments]] = {
    "napari_osuda.networks": {"UNet": {**_IN_OUT, "features": SIZES}},
    "monai.networks.nets": {
        **_MONAI,
        # MONAI's own other names of the same classes.
        "BasicUnet": _MONAI["BasicUNet"], "BasicUnetPlusPlus": _MONAI["BasicUNetPlusPlus"],
        "DynUnet": _MONAI["DynUNet"], "FlexUNet": _MONAI["FlexibleUNet"], "Unet": _MONAI["UNet"],
    },
    "segmentation_models_pytorch": _SMP_NETWORKS,
    "torchvision.models.segmentation": {
        "lraspp_mobilenet_v3_large": _LRASPP,
        **{f"{head}_{backbone}": _TORCHVISION
           for head, backbones in (("deeplabv3", ("mobilenet_v3_large", "resnet50", "resnet101")),
                                   ("fcn", ("resnet50", "resnet101")))
           for backbone in backbones},
    },
    "nnunetv2.utilities.get_network_from_plans": {"get_network_from_plans": _NNUNET},
}  # fmt: skip
