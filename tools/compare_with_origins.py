"""Segment one case by this package and by the tools that models come from, and print where they differ.

Needs monai, bioimageio.core and nnunetv2 in one environment; what is missing is said and left out. Small
networks with random weights stand for trained ones: their preprocessing and its inverse are what is compared.

    python tools/compare_with_origins.py [--out docs/results/origins.md]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "helpers"))

from napari_osuda import load_model, read_case  # noqa: E402
from napari_osuda.models import ModelCard, write_model_folder  # noqa: E402
from napari_osuda.session import predict_case  # noqa: E402

Labels = NDArray[np.uint8]
SHAPE = (44, 40, 36)


def image(axes: str, degrees: float = 0.0, spacing: tuple[float, float, float] = (1.5, 2.0, 2.5)) -> Any:
    """A smooth head of several tissues in air, in any order of axes."""
    rng = np.random.default_rng(3)
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    waves = sum(np.sin(3 * (a * x + b * y + c * z) + d) for a, b, c, d in rng.normal(size=(6, 4)))
    data = np.where(x**2 + y**2 + z**2 < 0.7, 400 + 60 * waves, 0).astype(np.float32)
    turn = nib.eulerangles.euler2mat(np.radians(degrees))
    affine = nib.affines.from_matvec(turn @ np.diag(spacing), (-30, -25, -40))
    made = nib.Nifti1Image(data, affine)
    order = nib.orientations.axcodes2ornt(tuple(axes))
    change = nib.orientations.ornt_transform(nib.io_orientation(made.affine), order)
    return made.as_reoriented(change)


def steady(network: torch.nn.Module) -> torch.nn.Module:
    """Statistics and weights of a network that marks several classes."""
    torch.manual_seed(7)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm3d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2.0)
    return network.eval()


def ours(model: Path, files: dict[str, Path]) -> tuple[Labels, Any]:
    """The mask that this package makes."""
    loaded = load_model(model, overrides={"defaults": True})
    named = dict(zip(loaded.card.channels, files.values(), strict=True))
    case = read_case(named, loaded.card.channels)
    return predict_case(loaded, case, device="cpu"), loaded


def monai_bundle(
    folder: Path,
    axes: str,
    degrees: float = 0.0,
    mm: tuple[float, ...] = (),
    *,
    nonzero: bool = True,
    inferer: dict[str, Any] | None = None,
    activation: str = "softmax",
    inverted: int = 1,
    nearest: bool = False,
) -> tuple[Labels, Labels]:
    """A MONAI bundle: orientation, spacing and normalization as most bundles for MRI have them.

    ``inverted`` is the place of Invertd: 0 before the activation, 1 after it, 2 after AsDiscreted.
    """
    from monai.bundle import ConfigParser
    from monai.data import MetaTensor
    from monai.networks.nets import UNet

    kwargs = {"spatial_dims": 3, "in_channels": 1, "out_channels": 3, "channels": [4, 8, 8],
              "strides": [2, 2], "num_res_units": 1, "norm": "batch"}  # fmt: skip
    torch.manual_seed(1)
    network = steady(UNet(**kwargs))
    root = folder / "bundle"
    (root / "configs").mkdir(parents=True)
    (root / "models").mkdir()
    torch.save(network.state_dict(), root / "models" / "model.pt")
    names = {"background": 0, "core": 1, "edema": 2}
    (root / "configs" / "metadata.json").write_text(json.dumps({"network_data_format": {
        "inputs": {"image": {"num_channels": 1, "channel_def": {"0": "T2"}}},
        "outputs": {"pred": {"num_channels": 3, "channel_def": {str(v): k for k, v in names.items()}}},
    }}))  # fmt: skip
    discrete = {"argmax": True} if activation == "softmax" else {"threshold": 0.5}
    after: list[dict[str, Any]] = [
        {"_target_": "Activationsd", "keys": "pred", activation: True},
        {"_target_": "AsDiscreted", "keys": "pred", **discrete},
    ]
    after.insert(inverted, {"_target_": "Invertd", "keys": "pred", "transform": "@preprocessing",
                            "orig_keys": "image", "nearest_interp": nearest, "to_tensor": True})  # fmt: skip
    config = {
        "network_def": {"_target_": "UNet", **kwargs},
        "preprocessing": {"_target_": "Compose", "transforms": [
            {"_target_": "LoadImaged", "keys": "image"},
            {"_target_": "EnsureChannelFirstd", "keys": "image"},
            {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
            *([{"_target_": "Spacingd", "keys": "image", "pixdim": [*mm], "mode": "bilinear"}] if mm else []),
            {"_target_": "NormalizeIntensityd", "keys": "image", "nonzero": nonzero, "channel_wise": True},
        ]},
        "inferer": {"_target_": "SlidingWindowInferer", "roi_size": [32, 32, 32], **(
            {"overlap": 0.5, "mode": "gaussian"} if inferer is None else inferer
        )},
        "postprocessing": {"_target_": "Compose", "transforms": after},
    }  # fmt: skip
    (root / "configs" / "inference.json").write_text(json.dumps(config))
    nib.save(image(axes, degrees), folder / "t2.nii.gz")
    parser = ConfigParser()
    parser.read_config(str(root / "configs" / "inference.json"))
    preprocessing: Any = parser.get_parsed_content("preprocessing")
    item = preprocessing({"image": str(folder / "t2.nii.gz")})
    windows: Any = parser.get_parsed_content("inferer")
    with torch.no_grad():
        output = windows(item["image"][None].as_tensor(), network)[0]
    seen = item["image"]
    item["pred"] = MetaTensor(output, meta=seen.meta, applied_operations=list(seen.applied_operations))
    postprocessing: Any = parser.get_parsed_content("postprocessing")
    made = np.asarray(postprocessing(item)["pred"])
    if activation == "sigmoid":
        # A later label over an earlier one.
        made = np.max(made * np.arange(1, 4)[:, None, None, None], axis=0, keepdims=True)
    theirs = made[0].round().astype(np.uint8)
    return ours(root, {"T2": folder / "t2.nii.gz"})[0], theirs


def bioimageio_package(folder: Path, version: str, axes: str) -> tuple[Labels, Labels]:
    """A 3-D bioimage.io package that normalizes by zero_mean_unit_variance."""
    import bioimageio.core as core
    import yaml
    from bioimageio.spec import load_model_description
    from monai.networks.nets import UNet as Network

    kwargs = {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "channels": [4, 8], "strides": [2],
              "norm": "batch"}  # fmt: skip
    torch.manual_seed(2)
    network = steady(Network(**kwargs))
    card = ModelCard.of(
        name="Package", channels=("t2",), output_channels=("background", "lesion"), plane="volume",
        spatial_dims=3, orientation="RAS", size=(32, 32, 32), step=(2, 2, 2), minimum=(8, 8, 8),
        normalisation="zscore",
        architecture={"import_from": "monai.networks.nets", "callable": "UNet", "kwargs": kwargs},
    )  # fmt: skip
    root = write_model_folder(folder / "package", network, card)
    document = yaml.safe_load((root / "bioimageio.yaml").read_text())
    # As a stranger writes it: without what this package keeps for itself.
    document.pop("config")
    document["format_version"] = version
    document["inputs"][0]["preprocessing"] = [
        {"id": "zero_mean_unit_variance", "kwargs": {"axes": ["channel", "z", "y", "x"], "eps": 1e-6}}
    ]
    if version.startswith("0.4"):
        document = _of_04(document, kwargs)
    (root / "bioimageio.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    # All of the volume in one piece, since the package's tool knows no windows.
    made = image(axes, spacing=(2.0, 2.0, 2.0))
    nib.save(made, folder / "t2.nii.gz")
    description = load_model_description(root / "bioimageio.yaml", perform_io_checks=False)
    pipeline = core.create_prediction_pipeline(description, devices=["cpu"])
    in_ras = nib.as_closest_canonical(made)
    sample = core.digest_spec.create_sample_for_model(
        description, inputs={"raw": np.asarray(in_ras.dataobj, np.float32)[None, None]}
    )
    predicted = pipeline.predict_sample_without_blocking(sample)
    (output,) = predicted.members.values()
    labels = np.asarray(output.data)[0].argmax(0).astype(np.uint8)
    change = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(tuple(axes))
    )
    theirs = nib.orientations.apply_orientation(labels, change).astype(np.uint8)
    return ours(root, {"t2": folder / "t2.nii.gz"})[0], theirs


def _of_04(document: dict[str, Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The same package in the words of 0.4, where axes are letters."""
    weights = document["weights"]["pytorch_state_dict"]
    both = {"axes": "bczyx", "data_type": "float32"}
    steps = [{"name": "zero_mean_unit_variance", "kwargs": {"mode": "per_sample", "axes": "czyx"}}]
    size = {"min": [1, 1, 8, 8, 8], "step": [0, 0, 2, 2, 2]}
    same = {"reference_tensor": "raw", "scale": [1, 0, 1, 1, 1], "offset": [0, 1, 0, 0, 0]}
    return {
        "format_version": "0.4.10", "type": "model", "name": "Package", "description": "d",
        "authors": [{"name": "A"}], "cite": [{"text": "c", "url": "https://example.org"}],
        "license": "CC0-1.0", "documentation": "README.md", "timestamp": "2024-01-01T00:00:00",
        "test_inputs": ["in.npy"], "test_outputs": ["out.npy"],
        "inputs": [{"name": "raw", "preprocessing": steps, "shape": size, **both}],
        "outputs": [{"name": "logits", "shape": same, **both}],
        "weights": {"pytorch_state_dict": {
            "source": weights["source"], "sha256": weights["sha256"], "kwargs": kwargs,
            "architecture": "monai.networks.nets.UNet"}},
    }  # fmt: skip


def nnunet(
    folder: Path, dims: int, axes: str, spacing: tuple[float, float, float] = (1.5, 2.0, 2.5)
) -> tuple[Labels, Labels]:
    """An nnU-Net folder, predicted without mirrored copies."""
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        os.environ.setdefault(name, str(folder))
    # Of the checkpoint written here; nnunetv2 before 2.6 leaves torch to its default, which refuses numbers.
    os.environ.setdefault("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    import nnunet_parts as parts
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    name = {2: "2d", 3: "3d_fullres"}[dims]
    config = parts.configuration(dims)
    config["architecture"]["arch_kwargs"]["norm_op"] = f"torch.nn.modules.batchnorm.BatchNorm{dims}d"
    torch.manual_seed(3)
    network = steady(parts.built(config, True, 3))
    # No class is favored everywhere.
    for layer in network.get_submodule("decoder.seg_layers").children():
        layer.weight.data -= layer.weight.data.mean(1, keepdim=True)
        layer.bias.data.zero_()
    plans = parts.plans({name: config})
    config |= {
        "resampling_fn_seg": "resample_data_or_seg_to_shape",
        "resampling_fn_seg_kwargs": {"is_seg": True, "order": 1, "order_z": 0, "force_separate_z": None},
        "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
        "resampling_fn_probabilities_kwargs":
            {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None},
    }  # fmt: skip
    # Of CT alone nnU-Net uses them.
    plans["foreground_intensity_properties_per_channel"] = {"0": {}, "1": {}}
    root = parts.folder(folder, plans, parts.dataset(), name, network.state_dict())
    files = [folder / "case_0000.nii.gz", folder / "case_0001.nii.gz"]
    first = image(axes, spacing=spacing)
    nib.save(first, files[0])
    second = np.asarray(first.dataobj)
    nib.save(
        nib.Nifti1Image(np.where(second > 0, 900 - second, 0).astype(np.float32), first.affine), files[1]
    )
    predictor = nnUNetPredictor(
        tile_step_size=0.5, use_gaussian=True, use_mirroring=False, perform_everything_on_device=False,
        device=torch.device("cpu"), verbose=False, verbose_preprocessing=False, allow_tqdm=False,
    )  # fmt: skip
    predictor.initialize_from_trained_model_folder(str(root), (0,), "checkpoint_final.pth")
    images, properties = SimpleITKIO().read_images([str(file) for file in files])
    mask = predictor.predict_single_npy_array(images, properties, None, None, False)
    theirs = np.asarray(mask).transpose(2, 1, 0).astype(np.uint8)
    return ours(root, dict(zip(("T1", "FLAIR"), files, strict=True)))[0], theirs


Comparison = Callable[[Path], tuple[Labels, Labels]]
FINE, COARSE = (1.3, 1.7, 3.1), (2.0, 2.0, 2.0)
COMPARISONS: dict[str, tuple[str, Comparison]] = {
    "MONAI bundle, axes LPI, own voxels": ("monai", lambda at: monai_bundle(at, "LPI")),
    "MONAI bundle, axes PSR, 12 degrees oblique, own voxels": (
        "monai", lambda at: monai_bundle(at, "PSR", 12)
    ),
    "MONAI bundle, axes LPI, resampled to 2 mm, all voxels normalized": (
        "monai", lambda at: monai_bundle(at, "LPI", 0, COARSE, nonzero=False)
    ),
    "MONAI bundle, axes PSR, 12 degrees oblique, resampled to 1.3 x 1.7 x 3.1 mm": (
        "monai", lambda at: monai_bundle(at, "PSR", 12, FINE)
    ),
    "MONAI bundle, axes LPI, resampled to 2 mm": ("monai", lambda at: monai_bundle(at, "LPI", 0, COARSE)),
    "MONAI bundle, resampled, windows as MONAI has them where nothing is said": (
        "monai", lambda at: monai_bundle(at, "RAS", 0, FINE, inferer={})
    ),
    "MONAI bundle, image smaller than a window, all voxels normalized": (
        "monai", lambda at: monai_bundle(at, "LPS", nonzero=False, inferer={"roi_size": [48, 48, 48]})
    ),
    "MONAI bundle, resampled, logits interpolated": (
        "monai", lambda at: monai_bundle(at, "RAS", 7, FINE, inverted=0)
    ),
    "MONAI bundle, resampled, nearest voxels of the mask": (
        "monai", lambda at: monai_bundle(at, "RAS", 7, FINE, inverted=2, nearest=True)
    ),
}  # fmt: skip
COMPARISONS |= {
    "bioimage.io 0.5, 3-D, axes LPS": ("bioimageio.core", lambda at: bioimageio_package(at, "0.5.4", "LPS")),
    "bioimage.io 0.4, 3-D, axes RAS": ("bioimageio.core", lambda at: bioimageio_package(at, "0.4", "RAS")),
    "nnU-Net 3d_fullres, axes LPS": ("nnunetv2", lambda at: nnunet(at, 3, "LPS")),
    "nnU-Net 3d_fullres, axes LPS, voxels smaller than the network's": (
        "nnunetv2", lambda at: nnunet(at, 3, "LPS", (1.0, 1.0, 1.0))
    ),
    "nnU-Net 3d_fullres, axes LPS, thick slices": (
        "nnunetv2", lambda at: nnunet(at, 3, "LPS", (1.0, 1.0, 6.0))
    ),
    "nnU-Net 2d, axes RAS": ("nnunetv2", lambda at: nnunet(at, 2, "RAS")),
}  # fmt: skip


def compared() -> list[tuple[str, str, str, str]]:
    """One row a comparison: voxels, those that differ, and Dice of all foreground."""
    rows = []
    for name, (tool, compare) in COMPARISONS.items():
        with tempfile.TemporaryDirectory() as at:
            try:
                mine, theirs = compare(Path(at))
            except ImportError as error:
                rows.append((name, tool, "not installed", str(error)))
                continue
        if mine.shape != theirs.shape:
            rows.append((name, tool, "other shapes", f"{mine.shape} and {theirs.shape}"))
            continue
        both = np.count_nonzero((mine > 0) & (theirs > 0))
        dice = 2 * both / max(1, np.count_nonzero(mine) + np.count_nonzero(theirs))
        rows.append((name, tool, f"{np.mean(mine != theirs):.3%}", f"{dice:.4f}"))
        print(*rows[-1], sep=" | ", flush=True)
    return rows


def main() -> None:
    """Print the table, and write it where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    lines = ["| model | tool | voxels that differ | Dice of the foreground |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in compared()]
    print("\n".join(lines))
    if options.out is not None:
        head = "# The same case, here and by the tool that a model comes from\n\n"
        told = "Written by `python tools/compare_with_origins.py --out docs/results/origins.md`.\n\n"
        options.out.write_text(head + told + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
