"""Networks are built with arguments and values of a closed list; what would fetch or run is not in it."""

from __future__ import annotations

import importlib
import json
import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.errors import ModelError
from napari_osuda.models import Architecture, load_model
from napari_osuda.models.architectures import LIBRARIES, build_network, check_architecture
from napari_osuda.models.architectures.checked_arguments import checked_arguments
from napari_osuda.models.architectures.closed_list import NETWORKS

UNKNOWN = (
    "checkpoint_path", "checkpoint", "pretrained_cfg", "pretrained_url", "cache_dir", "features_only",
    "norm_layer", "preprocess", "block", "backbone_name", "self", "kwargs", "__class__",
)  # fmt: skip
EACH = [(module, name) for module, names in NETWORKS.items() for name in names]
EVERY = [(module, name, key) for module, name in EACH for key in NETWORKS[module][name]]

# Values that some constructor of some library would open, fetch, import or call.
HOSTILE: list[Any] = [
    "weights.pt", "./weights.pt", "../weights.pt", "/etc/passwd", "C:\\weights.pt", "~/x", "file:///etc/passwd",
    "https://example.org/x.pth", "hf-hub:someone/model", "hf_hub:a/b", "local-dir:/tmp/model",
    "tu-hf-hub:a/b", "tu-local-dir:/tmp/m", "someone/model", "os.system", "torch.hub.load", "torch.nn.Module",
    "builtins.eval", "$import os", "@a", "%b", "__import__('os')", "timm:x", "a b", "resnet18\n", object(),
    print, len, b"x", Path("x"), float("nan"), float("inf"), 10**9, -1e300, {"checkpoint_path": "x.pt"},
    {"a": print}, [print], ["batch", {"affine": "x"}], [[[[[[[[1]]]]]]]], [2] * 100_000,
    {"type": "os.system"}, torch.nn.ReLU,
]  # fmt: skip


@pytest.mark.parametrize(("module", "name"), EACH, ids=lambda part: part.rpartition(".")[2])
def test_no_argument_of_any_network_takes_what_could_be_opened_fetched_or_called(
    module: str, name: str
) -> None:
    for key, kind in NETWORKS[module][name].items():
        for value in HOSTILE:
            if kind.forced:
                assert checked_arguments(module, name, {key: value})[key] is kind.forced[0]
                continue
            for given_value in (value, [value], [[value]], {"name": value}):
                with pytest.raises(ModelError, match=r"must be"):
                    checked_arguments(module, name, {key: given_value})


@pytest.mark.parametrize(("module", "name"), EACH, ids=lambda part: part.rpartition(".")[2])
def test_arguments_that_are_not_in_the_list_are_refused_by_name(module: str, name: str) -> None:
    for key in UNKNOWN:
        assert key not in NETWORKS[module][name]
        with pytest.raises(ModelError, match="may not be given the argument"):
            check_architecture(Architecture(import_from=module, callable=name, kwargs={key: "x"}))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(EVERY), _JSON)
def test_whatever_stands_in_a_file_passes_or_is_refused_with_a_sentence(
    entry: tuple[str, ...], value: Any
) -> None:
    module, name, key = entry
    try:
        arguments = checked_arguments(module, name, {key: value})
    except ModelError as error:
        sentence, arguments = str(error), {}
    else:
        sentence = ""
    assert len(sentence) < 1000
    assert sentence.isprintable()
    for text in _texts(arguments):
        assert not set(text) & set("/\\:$@%~ "), text


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [text for one in inner for text in _texts(one)]


def test_every_library_of_the_list_has_networks() -> None:
    assert set(NETWORKS) == set(LIBRARIES)


@pytest.mark.parametrize("module", sorted(NETWORKS))
def test_the_networks_and_arguments_of_the_list_are_the_libraries_own(module: str) -> None:
    import inspect

    pytest.importorskip(module.partition(".")[0], exc_type=Exception)
    library = importlib.import_module(module)
    legacy = {"decoder_use_batchnorm", "psp_use_batchnorm", "img_size"}
    for name, allowed in NETWORKS[module].items():
        parameters = inspect.signature(getattr(library, name)).parameters
        assert not set(allowed) - set(parameters) - legacy, name


# -- attacks with canaries


class _Payload:
    """Unpickled by anything that trusts it, it creates the file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.canary}",)


@pytest.fixture
def pickled(tmp_path: Path) -> tuple[Path, Path]:
    """A pickle beside the model, and the file that it would make."""
    canary, file = tmp_path / "canary", tmp_path / "encoder.pt"
    torch.save(_Payload(canary), file)
    torch.load(file, weights_only=False)
    assert canary.exists(), "the attack is what it is taken for"
    canary.unlink()
    return file, canary


def _smp_folder(path: Path, config: dict[str, Any]) -> Path:
    path.mkdir()
    (path / "config.json").write_text(json.dumps({"_model_class": "Unet", "in_channels": 1, **config}))
    torch.save({"conv.weight": torch.zeros(2, 1, 3, 3)}, path / "pytorch_model.bin")
    return path


def _hub(name: str) -> Callable[[Path], dict[str, Any]]:
    return lambda file: {"encoder_name": name.replace("FILE", str(file)).replace("FOLDER", str(file.parent))}


ATTACKS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "a pickle beside it": lambda file: {"encoder_name": "tu-resnet18", "checkpoint_path": str(file)},
    "a pickle through the configuration of timm": lambda file: {
        "encoder_name": "tu-resnet18", "pretrained_cfg": {"file": str(file)}, "pretrained": True},
    "an overlay": lambda file: {
        "encoder_name": "tu-resnet18", "pretrained_cfg_overlay": {"file": str(file), "url": ""}},
    "a cache": lambda file: {"encoder_name": "tu-resnet18", "cache_dir": str(file.parent)},
    "a hub": _hub("tu-hf-hub:someone/model"),
    "a hub, the other spelling": _hub("tu-hf_hub:someone/model"),
    "a folder as a hub": _hub("tu-local-dir:FOLDER"),
    "a path as a name": _hub("tu-FILE"),
    "encoder weights by address": lambda file: {
        "encoder_name": "resnet18", "encoder_weights": "https://example.org/x", "encoder_path": str(file)},
    "a callable by name": lambda file: {"encoder_name": "resnet18", "activation": "os.system"},
    "an auxiliary head": lambda file: {"encoder_name": "resnet18", "aux_params": {"classes": 1, "name": "x"}},
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("form", ["smp", "bioimageio"])
def test_arguments_of_a_model_file_run_and_fetch_nothing(
    attack: str,
    form: str,
    pickled: tuple[Path, Path],
    tmp_path: Path,
    folder: Path,
    edit: Callable[..., Path],
) -> None:
    """The network is blocked for every test of models; the library need not be installed to be refused."""
    file, canary = pickled
    arguments = ATTACKS[attack](file)
    if form == "smp":
        path = _smp_folder(tmp_path / "model", arguments)
    else:
        wanted = {"import_from": "segmentation_models_pytorch", "callable": "Unet", "kwargs": arguments}
        path = edit(lambda d: d["weights"]["pytorch_state_dict"].update(architecture=wanted))
    with pytest.raises(ModelError, match=r"may not be given the argument|it must be"):
        load_model(path, overrides={"defaults": True})
    assert not canary.exists()


def test_an_encoder_of_timm_is_built_without_the_network() -> None:
    pytest.importorskip("segmentation_models_pytorch", exc_type=Exception)
    network = build_network(
        Architecture(
            import_from="segmentation_models_pytorch", callable="Unet",
            kwargs={"encoder_name": "tu-resnet18", "encoder_weights": "imagenet", "in_channels": 1},
        )
    )  # fmt: skip
    assert isinstance(network, torch.nn.Module)


@pytest.mark.parametrize("module", ["monai.networks.nets", "torchvision.models.segmentation"])
def test_weights_of_others_are_never_fetched(module: str) -> None:
    pytest.importorskip(module.partition(".")[0], exc_type=Exception)
    kwargs: dict[str, Any] = {"num_classes": 2, "weights": "DEFAULT", "weights_backbone": "DEFAULT"}
    name = "fcn_resnet50"
    if module == "monai.networks.nets":
        name, kwargs = "FlexibleUNet", {"in_channels": 3, "out_channels": 2, "backbone": "resnet10",
                                        "spatial_dims": 2, "pretrained": True}  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert isinstance(
            build_network(Architecture(import_from=module, callable=name, kwargs=kwargs)), torch.nn.Module
        )
