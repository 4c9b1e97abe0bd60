"""Damaged and hostile models, made at random from honest ones: each must load or give a sentence.

    python tools/fuzz_models.py --count 5000 --seed 1 --table docs/results/fuzz-models.md

One to four values of a document are replaced, removed, doubled or moved, or bytes of a file flipped, cut off
or put in. The same seed makes the same files.
"""

from __future__ import annotations

import importlib.util
import json
import random
import shutil
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from fuzzing import Tally, main, mutated, spoil_bytes

from napari_osuda.errors import ModelError, OsudaError
from napari_osuda.models import Architecture, ModelCard, load_model, write_model_folder
from napari_osuda.models.architectures import build_network

OSUDA = {"in_channels": 2, "out_channels": 3, "features": [4, 6, 8]}
MONAI = {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "channels": [2, 4], "strides": [2],
         "norm": "batch"}  # fmt: skip


# -- honest models


def of_osuda(folder: Path) -> Path:
    card = ModelCard.of(
        channels=("t1", "t2"), output_channels=("background", "a", "b"), minimum=(16, 16),
        architecture=Architecture(import_from="napari_osuda.networks", callable="UNet", kwargs=OSUDA),
    )  # fmt: skip
    assert card.architecture is not None
    return write_model_folder(folder, build_network(card.architecture), card)


def of_bioimageio_0_4(folder: Path) -> Path:
    of_osuda(folder)
    (folder / "bioimageio.yaml").unlink()
    steps = [{"name": "zero_mean_unit_variance", "kwargs": {"mode": "per_sample", "axes": "xy"}}]
    document = {
        "format_version": "0.4.10", "type": "model", "name": "older",
        "inputs": [{"name": "i", "axes": "bcyx", "data_type": "float32", "preprocessing": steps,
                    "shape": {"min": [1, 2, 16, 16], "step": [0, 0, 8, 8]}}],
        "outputs": [{"name": "o", "axes": "bcyx", "data_type": "float32",
                     "postprocessing": [{"name": "softmax"}],
                     "shape": {"reference_tensor": "i", "scale": [1, 0, 1, 1], "offset": [0, 1.5, 0, 0]}}],
        "weights": {"pytorch_state_dict": {"source": "weights.pt", "kwargs": OSUDA,
                                           "architecture": "napari_osuda.networks.UNet"}},
    }  # fmt: skip
    (folder / "rdf.yaml").write_text(yaml.safe_dump(document))
    return folder


def of_monai(folder: Path) -> Path:
    for part in ("configs", "models"):
        (folder / part).mkdir(parents=True)
    network = build_network(Architecture(import_from="monai.networks.nets", callable="UNet", kwargs=MONAI))
    torch.save(network.state_dict(), folder / "models/model.pt")
    channels = {"inputs": {"image": {"channel_def": {"0": "T1"}}},
                "outputs": {"pred": {"channel_def": {"0": "background", "1": "lesion"}}}}  # fmt: skip
    (folder / "configs/metadata.json").write_text(json.dumps({"name": "b", "network_data_format": channels}))
    before = [{"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
              {"_target_": "Spacingd", "keys": "image", "pixdim": "@spacing"},
              {"_target_": "NormalizeIntensityd", "keys": "image", "nonzero": True}]  # fmt: skip
    (folder / "configs/inference.json").write_text(
        json.dumps(
            {
                "spacing": [1.0, 1.0, 2.0],
                "width": {"list": [2, 4]},
                "network_def": {"_target_": "UNet", **MONAI, "channels": "@width::list"},
                "preprocessing": {"_target_": "Compose", "transforms": before},
                "inferer": {"_target_": "SlidingWindowInferer", "roi_size": [16, 16, 16]},
                "postprocessing": {"transforms": [{"_target_": "Activationsd", "softmax": True}]},
            }
        )
    )
    return folder


def of_nnunet(folder: Path) -> Path:
    # The small folders of the tests, so that there is one place which says what nnU-Net writes.
    place = Path(__file__).parents[1] / "tests/helpers/nnunet_parts.py"
    spec = importlib.util.spec_from_file_location("nnunet_parts", place)
    assert spec is not None
    assert spec.loader is not None
    parts = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(parts)
    config = parts.configuration(3)
    try:
        weights = parts.built(config, True, 3).state_dict()
    except ImportError:
        # Without its library every plan ends in the sentence that it is missing.
        weights = {"encoder.stem.weight": torch.randn(4, 2, 3, 3, 3)}
    plans = parts.plans({"3d_fullres": config})
    made: Path = parts.folder(folder, plans, parts.dataset(), "3d_fullres", weights)
    return made


def of_smp(folder: Path) -> Path:
    folder.mkdir()
    kwargs = {"encoder_name": "mobilenet_v2", "encoder_weights": None, "encoder_depth": 3,
              "decoder_channels": [8, 4, 4], "in_channels": 1, "classes": 2, "activation": None}  # fmt: skip
    (folder / "config.json").write_text(json.dumps({"_model_class": "Unet", **kwargs}))
    try:
        architecture = Architecture(import_from="segmentation_models_pytorch", callable="Unet", kwargs=kwargs)
        weights = build_network(architecture).state_dict()
    except ModelError:
        weights = {"encoder.conv1.weight": torch.randn(4, 1, 3, 3)}
    torch.save(weights, folder / "pytorch_model.bin")
    return folder


def of_weights(folder: Path) -> Path:
    folder.mkdir()
    state = build_network(
        Architecture(import_from="napari_osuda.networks", callable="UNet", kwargs=OSUDA)
    ).state_dict()
    torch.save({"state_dict": state, "epoch": 3}, folder / "model.pt")
    return folder / "model.pt"


def of_legacy_weights(folder: Path) -> Path:
    path = of_weights(folder)
    torch.save(torch.load(path, weights_only=True), path, _use_new_zipfile_serialization=False)
    return path


def of_safetensors(folder: Path) -> Path:
    from safetensors.torch import save_file

    path = of_weights(folder)
    state = torch.load(path, weights_only=True)["state_dict"]
    save_file({key: value.contiguous() for key, value in state.items()}, path.with_suffix(".safetensors"))
    path.unlink()
    return path.with_suffix(".safetensors")


def of_zip(folder: Path) -> Path:
    source = of_osuda(folder / "source")
    with zipfile.ZipFile(folder / "model.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in source.iterdir():
            archive.write(file, file.name)
    shutil.rmtree(source)
    return folder / "model.zip"


def of_onnx(folder: Path) -> Path:
    folder.mkdir()
    network = build_network(Architecture(import_from="napari_osuda.networks", callable="UNet", kwargs=OSUDA))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(), (torch.zeros(1, 2, 32, 32),), str(folder / "model.onnx"), dynamo=False,
            training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
        )  # fmt: skip
    return folder / "model.onnx"


# -- spoiling them


def spoil_document(name: str) -> Callable[[Path, random.Random], None]:
    """Mutate the document of that name in a folder."""

    def spoil(folder: Path, chance: random.Random) -> None:
        file = folder / name
        text = file.read_text()
        if name.endswith(".json"):
            file.write_text(json.dumps(mutated(json.loads(text), chance)))
        else:
            file.write_text(yaml.safe_dump(mutated(yaml.safe_load(text), chance)), errors="surrogatepass")

    return spoil


FORMS: dict[str, tuple[Callable[[Path], Path], Callable[[Path, random.Random], None]]] = {
    "bioimage.io 0.5": (of_osuda, spoil_document("bioimageio.yaml")),
    "bioimage.io 0.4": (of_bioimageio_0_4, spoil_document("rdf.yaml")),
    "MONAI configuration": (of_monai, spoil_document("configs/inference.json")),
    "MONAI metadata": (of_monai, spoil_document("configs/metadata.json")),
    "nnU-Net plans": (of_nnunet, spoil_document("plans.json")),
    "nnU-Net dataset": (of_nnunet, spoil_document("dataset.json")),
    "smp config": (of_smp, spoil_document("config.json")),
    "weights, .pt": (of_weights, spoil_bytes),
    "weights, legacy .pt": (of_legacy_weights, spoil_bytes),
    "weights, .safetensors": (of_safetensors, spoil_bytes),
    "archive, .zip": (of_zip, spoil_bytes),
    "ONNX": (of_onnx, spoil_bytes),
}


# -- trying them


def run(form: str, count: int, seed: int) -> Tally:
    """Try so many spoiled models of a form."""
    make, spoil = FORMS[form]
    torch.set_num_threads(1)
    chance, tally = random.Random(f"{form} {seed}"), Tally(form)
    with tempfile.TemporaryDirectory() as temporary:
        honest = make(Path(temporary) / "honest")
        tally.honest(lambda: _loaded_or_refused(honest))
        for i in range(count):
            spoiled = Path(temporary) / f"try/{honest.name}"
            spoiled.parent.mkdir()
            if honest.is_dir():
                shutil.copytree(honest, spoiled)
            else:
                shutil.copy(honest, spoiled)
            spoil(spoiled, chance)
            tally.attempt(lambda path=spoiled: load_model(path, overrides={"defaults": True}), f"try {i}")
            shutil.rmtree(spoiled.parent)
    return tally


def _loaded_or_refused(path: Path) -> None:
    # Of a form whose library is not installed the honest model ends in a sentence, too.
    with suppress(OsudaError):
        load_model(path, overrides={"defaults": True})


if __name__ == "__main__":
    sys.exit(main(__doc__ or "", list(FORMS), run, "Spoiled models"))
