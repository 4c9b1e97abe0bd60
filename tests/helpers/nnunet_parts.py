"""Folders as nnU-Net v2 leaves them after training, made small and by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

LABELS = {"background": 0, "edema": 1, "enhancing": 2}
REGIONS = {
    "background": 0,
    "whole tumour": [1, 2, 3],
    "tumor core": [2, 3],
    "enhancing tumor": [3],
}


def dataset(regions: bool = False) -> dict[str, Any]:
    said: dict[str, Any] = {
        "channel_names": {"0": "T1", "1": "FLAIR"},
        "labels": REGIONS if regions else LABELS,
        "numTraining": 20,
        "file_ending": ".nii.gz",
    }
    if regions:
        said["regions_class_order"] = [1, 2, 3]
    return said


def configuration(dims: int, network: str = "PlainConvUNet") -> dict[str, Any]:
    stages = 3
    blocks = "n_conv_per_stage" if network == "PlainConvUNet" else "n_blocks_per_stage"
    strides = [[1] * dims, [2] * dims, [2] * dims]
    if dims == 3:
        strides[2] = [1, 2, 2]
    return {
        "data_identifier": f"nnUNetPlans_{dims}d",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": [8, 16, 12][:dims] if dims == 3 else [16, 12],
        "median_image_size_in_voxels": [20.0, 40.0, 30.0][-dims:],
        "spacing": [3.0, 2.0, 2.5][-dims:],
        "normalization_schemes": ["ZScoreNormalization", "ZScoreNormalization"],
        "use_mask_for_norm": [True, False],
        "resampling_fn_data": "resample_data_or_seg_to_shape",
        "resampling_fn_data_kwargs": {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None},
        "architecture": {
            "network_class_name": f"dynamic_network_architectures.architectures.unet.{network}",
            "arch_kwargs": {
                "n_stages": stages,
                "features_per_stage": [4, 8, 8],
                "conv_op": f"torch.nn.modules.conv.Conv{dims}d",
                "kernel_sizes": [[3] * dims] * stages,
                "strides": strides,
                blocks: [2, 2, 2],
                "n_conv_per_stage_decoder": [2, 2],
                "conv_bias": True,
                "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dims}d",
                "norm_op_kwargs": {"eps": 1e-05, "affine": True},
                "dropout_op": None,
                "dropout_op_kwargs": None,
                "nonlin": "torch.nn.LeakyReLU",
                "nonlin_kwargs": {"inplace": True},
            },
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
        "batch_dice": True,
    }


def older(modern: dict[str, Any]) -> dict[str, Any]:
    """The same configuration in the words of plans from before nnU-Net 2.5."""
    kwargs = modern["architecture"]["arch_kwargs"]
    rest = {key: value for key, value in modern.items() if key != "architecture"}
    return rest | {
        "UNet_class_name": "PlainConvUNet",
        "UNet_base_num_features": 4,
        "n_conv_per_stage_encoder": kwargs["n_conv_per_stage"],
        "n_conv_per_stage_decoder": kwargs["n_conv_per_stage_decoder"],
        "num_pool_per_axis": [2, 2],
        "pool_op_kernel_sizes": kwargs["strides"],
        "conv_kernel_sizes": kwargs["kernel_sizes"],
        "unet_max_num_features": 8,
    }


def plans(configurations: dict[str, Any], reader: str = "SimpleITKIO") -> dict[str, Any]:
    return {
        "dataset_name": "Dataset007_Glioma",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": [3.0, 2.0, 2.5],
        "original_median_shape_after_transp": [20, 40, 30],
        "image_reader_writer": reader,
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": configurations,
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {},
    }


def built(config: dict[str, Any], batch_norm: bool, outputs: int) -> nn.Module:
    """The network as nnU-Net's trainer builds it, by its own library, with statistics that say something."""
    from dynamic_network_architectures.architectures import unet

    said = config["architecture"]
    kwargs = dict(said["arch_kwargs"])
    dims = len(config["patch_size"])
    norms = {True: (nn.BatchNorm2d, nn.BatchNorm3d), False: (nn.InstanceNorm2d, nn.InstanceNorm3d)}
    kwargs |= {
        "conv_op": (nn.Conv2d, nn.Conv3d)[dims - 2],
        "norm_op": norms[batch_norm][dims - 2],
        "nonlin": nn.LeakyReLU,
    }
    torch.manual_seed(5)
    network: nn.Module = getattr(unet, said["network_class_name"].rpartition(".")[2])(
        input_channels=2, num_classes=outputs, deep_supervision=True, **kwargs
    )
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)
    return network.eval()


def checkpoint(weights: dict[str, Any], trainer: str, name: str, all_plans: dict[str, Any]) -> dict[str, Any]:
    """What nnUNetTrainer.save_checkpoint writes, numbers of numpy among it."""
    return {
        "network_weights": weights,
        "optimizer_state": {"state": {}, "param_groups": [{"lr": 0.01, "params": [0, 1]}]},
        "grad_scaler_state": None,
        "logging": {
            "mean_fg_dice": [np.float64(0.5), np.float64(0.7)],
            "ema_fg_dice": [np.float64(0.5)],
            "dice_per_class_or_region": [[np.float64(0.4), np.float64(0.6)]],
            "train_losses": [np.float32(-0.3)],
            "lrs": [0.01],
            "epoch_start_timestamps": [1.7e9],
        },
        "_best_ema": np.float64(0.7),
        "current_epoch": 1000,
        "init_args": {"plans": all_plans, "configuration": name, "fold": 0, "dataset_json": {}},
        "trainer_name": trainer,
        "inference_allowed_mirroring_axes": (0, 1),
    }


def folder(
    at: Path,
    all_plans: dict[str, Any],
    said: dict[str, Any],
    name: str,
    weights: dict[str, Any],
    trainer: str = "nnUNetTrainerBN",
    folds: tuple[str, ...] = ("0",),
) -> Path:
    root = at / f"{trainer}__nnUNetPlans__{name}"
    root.mkdir(parents=True)
    (root / "plans.json").write_text(json.dumps(all_plans))
    (root / "dataset.json").write_text(json.dumps(said))
    (root / "dataset_fingerprint.json").write_text("{}")
    for fold in folds:
        (root / f"fold_{fold}").mkdir()
        torch.save(
            checkpoint(weights, trainer, name, all_plans), root / f"fold_{fold}" / "checkpoint_final.pth"
        )
    return root
