"""Damaged and hostile models, made at random from honest ones: each must load or give a sentence.

    python tools/fuzz_models.py --count 5000 --seed 1 --table docs/results/fuzz-models.md

A try counts as a traceback where anything but an error of ours comes out, as unforeseen where only the last
net under the readers caught it, and as slow where it took more than 10 s. The same seed makes the same files.
"""

from __future__ import annotations

import argparse
import collections
import copy
import importlib.util
import json
import math
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml

from napari_osuda.errors import OsudaError
from napari_osuda.models import Architecture, ModelCard, load_model, write_model_folder
from napari_osuda.models.architectures import build_network

SECONDS = 10
OSUDA = {"in_channels": 2, "out_channels": 3, "features": [4, 6, 8]}
MONAI = {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "channels": [2, 4], "strides": [2],
         "norm": "batch"}  # fmt: skip
NASTY: list[Any] = [
    None, True, False, -1, 0, 1, 2.5, 3, 256, 4097, 10**9, 10**30, -(10**18), math.nan, math.inf, "",
    " ", "0", "²", "t1", "../../evil", "/etc/passwd", "a" * 5000, "\x1b[31mred\x07", "\u202efdp", "\ud800",
    "@network_def", "@network_def::channels::9", "$__import__('os').system('true')", "%x", "torch.nn.Conv2d",
    "os.system", "https://example.org/w.pt", [], {}, [[]], [None], [1, "a", None], {"": None},
    {"a": {"b": [1, 2]}}, [[[[[[[[[[1]]]]]]]]]], [0] * 2000, {str(i): i for i in range(600)},
    ["batch", {"affine": "yes"}],
]  # fmt: skip


class Hang(BaseException):
    """A try that took too long."""


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
    folder = folder / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    (folder / "fold_0").mkdir(parents=True)
    (folder / "plans.json").write_text(json.dumps(parts.plans({"3d_fullres": parts.configuration(3)})))
    (folder / "dataset.json").write_text(json.dumps(parts.dataset()))
    state = {"network_weights": {"encoder.stem.weight": torch.randn(4, 2, 3, 3, 3)}, "trainer_name": "T",
             "init_args": {"configuration": "3d_fullres"}}  # fmt: skip
    torch.save(state, folder / "fold_0/checkpoint_final.pth")
    return folder


def of_smp(folder: Path) -> Path:
    folder.mkdir()
    config = {"_model_class": "Unet", "encoder_name": "resnet18", "encoder_weights": None, "encoder_depth": 3,
              "decoder_channels": [8, 4, 4], "in_channels": 1, "classes": 2, "activation": None}  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    torch.save({"encoder.conv1.weight": torch.randn(4, 1, 3, 3)}, folder / "pytorch_model.bin")
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


def mutated(document: Any, chance: random.Random) -> Any:
    """A document with one to four of its values replaced, removed, doubled or moved."""
    document = json.loads(json.dumps(document))
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        places = list(_places(document))
        owner, key = chance.choice(places)
        act = chance.random()
        if act < 0.7:
            owner[key] = copy.deepcopy(chance.choice(NASTY))
        elif act < 0.8:
            del owner[key]
        elif act < 0.9:
            other, taken = chance.choice(places)
            if taken in other if isinstance(other, dict) else taken < len(other):
                owner[key] = json.loads(json.dumps(other[taken]))
        else:
            owner[key] = [owner[key]] * chance.choice((0, 2, 300))
    return document


def _places(value: Any) -> Any:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in list(inner):
        yield value, key
        yield from _places(child)


def scrambled(content: bytes, chance: random.Random) -> bytes:
    """A file with some of its bytes flipped, cut off, doubled or put in."""
    found = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 8))):
        act, at = chance.random(), chance.randrange(max(len(found), 1))
        # The directories of archives and the openings of files decide most.
        if chance.random() < 0.5:
            at = chance.choice(
                (chance.randrange(min(400, len(found) or 1)), max(len(found) - 1 - at % 900, 0))
            )
        if act < 0.6 and found:
            found[at] = chance.randrange(256)
        elif act < 0.75:
            del found[at:]
        elif act < 0.9:
            found[at:at] = chance.randbytes(chance.choice((1, 8, 200)))
        else:
            found[at:at] = found[at : at + 300]
    return bytes(found)


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


def spoil_bytes(file: Path, chance: random.Random) -> None:
    """Scramble a file."""
    file.write_bytes(scrambled(file.read_bytes(), chance))


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


def run(form: str, count: int, seed: int) -> dict[str, Any]:
    """Try so many spoiled models of a form; gives the counts of the table's row."""
    make, spoil = FORMS[form]
    chance = random.Random(f"{form} {seed}")
    found: collections.Counter[str] = collections.Counter()
    slowest, seen = 0.0, set()
    with tempfile.TemporaryDirectory() as temporary:
        honest = make(Path(temporary) / "honest")
        _outcome(honest, found)
        found.clear()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for i in range(count):
            spoiled = Path(temporary) / f"try/{honest.name}"
            spoiled.parent.mkdir()
            if honest.is_dir():
                shutil.copytree(honest, spoiled)
            else:
                shutil.copy(honest, spoiled)
            spoil(spoiled, chance)
            began = time.monotonic()
            trouble = _outcome(spoiled, found)
            slowest = max(slowest, time.monotonic() - began)
            if trouble and trouble not in seen:
                seen.add(trouble)
                print(f"{form}, try {i}: {trouble}", file=sys.stderr, flush=True)
            shutil.rmtree(spoiled.parent)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return {**found, "slowest": slowest, "grown": grown}


def _outcome(path: Path, found: collections.Counter[str]) -> str | None:
    """Load a model and count what comes of it; gives what is wrong, for people who mend it."""
    signal.alarm(SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load_model(path, overrides={"defaults": True})
        found["loaded"] += 1
    except OsudaError as error:
        kind = "sentence" if error.__cause__ is None else "unforeseen"
        if not str(error).replace("\n", "").isprintable() or len(str(error)) > 5000:
            kind = "unforeseen"
        found[kind] += 1
        if kind == "unforeseen":
            return "".join(traceback.format_exception(error.__cause__ or error)[-3:])
    except Hang:
        found["slow"] += 1
        return "".join(traceback.format_exc().splitlines(keepends=True)[-6:])
    except Exception:
        found["traceback"] += 1
        return "".join(traceback.format_exc().splitlines(keepends=True)[-6:])
    finally:
        signal.alarm(0)
    return None


def _hang(*_: Any) -> None:
    raise Hang


def main() -> int:
    """Run the fuzzers; exit with 1 where anything but sentences came out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200, help="spoiled models of each form")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--forms", nargs="*", default=list(FORMS), choices=list(FORMS))
    parser.add_argument("--table", type=Path, help="a Markdown file for the table")
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, _hang)
    torch.set_num_threads(1)
    lines = [
        f"{options.count:,} spoiled models a form, seed {options.seed} (`tools/fuzz_models.py`).", "",
        "| form | tried | sentence | loaded | unforeseen | traceback | over 10 s | slowest, s | memory, MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    wrong = 0
    for form in options.forms:
        row = run(form, options.count, options.seed)
        counts = [row.get(key, 0) for key in ("sentence", "loaded", "unforeseen", "traceback", "slow")]
        wrong += sum(counts[2:])
        told = " | ".join(f"{count:,}" for count in counts)
        lines.append(
            f"| {form} | {options.count:,} | {told} | {row['slowest']:.1f} | {max(row['grown'], 0):.0f} |"
        )
        print(lines[-1], flush=True)
    if options.table is not None:
        options.table.write_text("# Spoiled models\n\n" + "\n".join(lines) + "\n")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
