"""Files made to harm whoever opens them: each is refused with a sentence, and nothing of it runs."""

from __future__ import annotations

import collections
import io
import os
import pickle
import sys
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from napari_osuda.errors import ModelError, UntrustedModelError
from napari_osuda.models import load_model
from napari_osuda.models.files.packages import Package
from napari_osuda.models.files.weights import read_weights
from napari_osuda.networks import UNet

Edit = Callable[[Callable[[dict[str, Any]], Any]], Path]


class _Payload:
    """Unpickled by anything that trusts it, it would create the file."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.victim}",)


def _saved(value: Any, zipped: bool) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream, _use_new_zipfile_serialization=zipped)
    return stream.getvalue()


def _with_weights(folder: Path, content: bytes) -> Path:
    (folder / "weights.pt").write_bytes(content)
    file = folder / "bioimageio.yaml"
    document = yaml.safe_load(file.read_text())
    document["weights"]["pytorch_state_dict"]["sha256"] = None
    file.write_text(yaml.safe_dump(document))
    return folder


@pytest.fixture
def foreign_class() -> Iterator[type]:
    """A class of a package that only the checkpoint's author has."""
    module = types.ModuleType("their_training_code")
    made = type("Settings", (), {"__module__": "their_training_code"})
    module.Settings = made  # type: ignore[attr-defined]
    sys.modules["their_training_code"] = module
    yield made
    sys.modules.pop("their_training_code", None)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("beside_weights", [True, False])
def test_a_pickle_that_would_write_a_file(
    folder: Path, network: UNet, tmp_path: Path, zipped: bool, beside_weights: bool
) -> None:
    victim = tmp_path / "written"
    payload: Any = _Payload(victim)
    if beside_weights:
        payload = {"state_dict": network.state_dict(), "callbacks": payload}
    content = _saved(payload, zipped)
    with pytest.raises(UntrustedModelError):
        load_model(_with_weights(folder, content))
    assert not victim.exists()
    # The file is what it is taken for: someone who trusts it is hit.
    torch.load(io.BytesIO(content), weights_only=False)
    assert victim.exists()


def test_a_bare_pickle_is_no_model(tmp_path: Path) -> None:
    victim = tmp_path / "written"
    with pytest.raises(UntrustedModelError):
        read_weights(pickle.dumps(_Payload(victim)), "model.pt")
    assert not victim.exists()


def test_a_lightning_checkpoint_with_an_unsafe_global_gives_its_weights(
    folder: Path, network: UNet, foreign_class: type
) -> None:
    settings = foreign_class()
    settings.learning_rate = 1e-3
    checkpoint = {
        "state_dict": network.state_dict(),
        "hyper_parameters": settings,
        "optimizer_states": [{"state": {0: torch.ones(3)}}],
        "epoch": 3,
    }
    content = _saved(checkpoint, zipped=True)
    del sys.modules["their_training_code"]
    with pytest.raises(pickle.UnpicklingError):
        torch.load(io.BytesIO(content), weights_only=True)
    model = load_model(_with_weights(folder, content))
    assert "their_training_code" not in sys.modules
    assert model.notes == (
        "weights.pt also holds Python objects (their_training_code.Settings), which were left out unread.",
    )
    for key, value in network.state_dict().items():
        assert torch.equal(model.network.state_dict()[key], value), key


def test_a_whole_pickled_network_gives_its_weights_without_its_class(folder: Path, network: UNet) -> None:
    content = _saved(network, zipped=True)
    weights = read_weights(content, "weights.pt")
    assert list(weights.tensors) == list(network.state_dict())
    assert "napari_osuda.networks.UNet" in weights.notes[0]


def test_recovered_tensors_cannot_reach_beyond_the_file(foreign_class: type) -> None:
    content = _saved({"state_dict": {"w": torch.arange(4.0)}, "x": foreign_class()}, zipped=True)
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        members = {info.filename: source.read(info) for info in source.infolist()}
    name = next(n for n in members if n.endswith("data.pkl"))
    # Size (4,) becomes (104,): 100 elements more than the storage has.
    members[name] = members[name].replace(b"K\x04\x85", b"K\x68\x85")
    spoiled = io.BytesIO()
    with zipfile.ZipFile(spoiled, "w") as target:
        for member, data in members.items():
            target.writestr(member, data)
    with pytest.raises(ModelError, match="not a readable file of weights"):
        read_weights(spoiled.getvalue(), "weights.pt")


def test_a_small_file_that_claims_a_huge_tensor(folder: Path, network: UNet, edit: Edit) -> None:
    state = dict(network.state_dict())
    state["head.weight"] = torch.zeros(1).expand(10**6, 10**6)
    content = _saved(state, zipped=True)
    with pytest.raises(ModelError, match="1000000 x 1000000 in the file and 3 x 4 x 1 x 1 in the network"):
        load_model(_with_weights(folder, content))


def test_a_small_file_whose_architecture_claims_as_much(folder: Path) -> None:
    kwargs = {"in_channels": 2, "out_channels": 3, "features": [100_000, 100_000]}
    with torch.device("meta"):
        shapes = {key: value.shape for key, value in UNet(**kwargs).state_dict().items()}
    # Every key and shape fits; there is one number behind each.
    content = _saved({key: torch.zeros(1).expand(shape or (1,)) for key, shape in shapes.items()
                      if not key.endswith("num_batches_tracked")}, zipped=True)  # fmt: skip
    assert len(content) < 20_000
    _with_weights(folder, content)
    file = folder / "bioimageio.yaml"
    document = yaml.safe_load(file.read_text())
    document["weights"]["pytorch_state_dict"]["architecture"]["kwargs"] = kwargs
    file.write_text(yaml.safe_dump(document))
    with pytest.raises(ModelError, match=r"claims [\d,]+ weights .* but has only [\d,]+ bytes"):
        load_model(folder)


def test_a_legacy_file_that_claims_a_huge_storage() -> None:
    content = _saved({"w": torch.zeros(4)}, zipped=False)
    assert content.count(b"K\x04") > 1
    spoiled = content.replace(b"K\x04", b"\x8a\x06\x00\x00\x00\x00\x00\x10")  # 2**44 elements
    with pytest.raises(ModelError, match="not a readable file of weights"):
        read_weights(spoiled, "weights.pt")


def test_compressed_weights_are_refused(folder: Path, network: UNet) -> None:
    content = _saved(network.state_dict(), zipped=True)
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for info in source.infolist():
            target.writestr(info.filename, source.read(info))
    with pytest.raises(ModelError, match="compressed"):
        load_model(_with_weights(folder, packed.getvalue()))


@pytest.mark.parametrize(
    "content", [b"", b"x" * 50, b"PK\x03\x04" + b"\0" * 40, b"\x10\0\0\0\0\0\0\0{" + b"x" * 40]
)
def test_junk_is_a_sentence(content: bytes) -> None:
    with pytest.raises(ModelError, match=r"weights\.pt"):
        read_weights(content, "weights.pt")


def test_truncated_weights_are_a_sentence(network: UNet) -> None:
    content = _saved(network.state_dict(), zipped=True)
    for end in (len(content) // 2, len(content) - 10):
        with pytest.raises(ModelError):
            read_weights(content[:end], "weights.pt")


# -- archives


def _archive(
    path: Path, entries: dict[str, bytes], change: Callable[[zipfile.ZipInfo], None] | None = None
) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if change is not None:
                change(info)
            archive.writestr(info, content)
    return path


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil.txt", "a/../../evil.txt", "C:/evil.txt"])
def test_paths_that_lead_out_of_an_archive(tmp_path: Path, name: str) -> None:
    archive = _archive(tmp_path / "model.zip", {"bioimageio.yaml": b"type: model", name: b"x"})
    with pytest.raises(ModelError, match="not a path inside the package"):
        load_model(archive)
    assert [p.name for p in tmp_path.iterdir()] == ["model.zip"]


@pytest.mark.parametrize("name", ["../weights.pt", "/etc/passwd", "a\\..\\b"])
def test_paths_that_lead_out_of_a_folder(edit: Edit, name: str) -> None:
    with pytest.raises(ModelError, match="not a path inside the package"):
        load_model(edit(lambda d: d["weights"]["pytorch_state_dict"].update(source=name)))


def test_a_link_out_of_a_folder(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.pt"
    (folder / "weights.pt").rename(outside)
    (folder / "weights.pt").symlink_to(outside)
    with pytest.raises(ModelError, match="link that leads out"):
        load_model(folder)


def test_a_link_in_an_archive(tmp_path: Path) -> None:
    def link(info: zipfile.ZipInfo) -> None:
        if info.filename == "weights.pt":
            info.external_attr = 0o120777 << 16

    archive = _archive(
        tmp_path / "m.zip", {"bioimageio.yaml": b"type: model", "weights.pt": b"/etc/passwd"}, link
    )
    with pytest.raises(ModelError, match="is a link"):
        load_model(archive)


def test_a_zip_bomb(tmp_path: Path) -> None:
    bomb = _archive(tmp_path / "m.zip", {"bioimageio.yaml": b"type: model", "weights.pt": bytes(50 * 2**20)})
    assert bomb.stat().st_size < 100_000
    with pytest.raises(ModelError, match="zip bombs"):
        load_model(bomb)


def test_one_name_twice(tmp_path: Path) -> None:
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bioimageio.yaml", "type: model")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("bioimageio.yaml", "type: dataset")
    with pytest.raises(ModelError, match="twice"):
        load_model(path)


def test_an_archive_that_lies_about_a_size(tmp_path: Path) -> None:
    path = _archive(tmp_path / "m.zip", {"bioimageio.yaml": b"type: model" + b" " * 5000})
    content = path.read_bytes()
    spoiled = content.replace((5011).to_bytes(4, "little"), (11).to_bytes(4, "little"))
    assert spoiled != content
    path.write_bytes(spoiled)
    with Package(path) as package, pytest.raises(ModelError, match=r"cannot be read|not of the size"):
        package.read("bioimageio.yaml")


def test_a_file_over_the_limit(folder: Path) -> None:
    with Package(folder) as package, pytest.raises(ModelError, match="more than 10 are not read"):
        package.read("weights.pt", limit=10)


# -- descriptions


def test_yaml_tags_are_not_followed(folder: Path, tmp_path: Path) -> None:
    victim = tmp_path / "written"
    text = (folder / "bioimageio.yaml").read_text()
    (folder / "bioimageio.yaml").write_text(
        text + f"\nextra: !!python/object/apply:os.system ['touch {victim}']\n"
    )
    with pytest.raises(ModelError, match="only plain YAML is read"):
        load_model(folder)
    assert not victim.exists()


@pytest.mark.parametrize("merge", [False, True])
def test_yaml_that_grows_without_bound(folder: Path, merge: bool) -> None:
    if merge:
        lines = ["a0: &a0 {x: 1}"] + [
            f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}], k{i}: 1}}" for i in range(1, 12)
        ]
    else:
        lines = ["a0: &a0 [1, 2]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    text = (folder / "bioimageio.yaml").read_text()
    (folder / "bioimageio.yaml").write_text(text + "\n".join(lines) + "\n")
    with pytest.raises(ModelError, match="more than 100,000 values"):
        load_model(folder)


@pytest.mark.parametrize("text", [b"a: [", b"\xff\xfe\xfa", b"- a\n- b", b"", b"a: b: c", b"[" * 5000])
def test_what_is_no_description_is_a_sentence(folder: Path, text: bytes) -> None:
    (folder / "bioimageio.yaml").write_bytes(text)
    with pytest.raises(ModelError, match=r"bioimageio\.yaml"):
        load_model(folder)


def test_a_card_that_imports_os(edit: Edit) -> None:
    architecture = {"import_from": "os", "callable": "system", "kwargs": {"command": "true"}}
    with pytest.raises(ModelError, match=r"import_from is 'os'; it must be one of napari_osuda\.networks"):
        load_model(edit(lambda d: d["weights"]["pytorch_state_dict"].update(architecture=architecture)))


def test_code_in_the_package_is_not_imported(folder: Path, edit: Edit, tmp_path: Path) -> None:
    victim = tmp_path / "written"
    (folder / "network.py").write_text(f"open({str(victim)!r}, 'w').close()\nclass Net: pass\n")
    architecture = {"source": "network.py", "callable": "Net"}
    with pytest.raises(ModelError, match=r"Python code in the package \(network\.py\), which is not run"):
        load_model(edit(lambda d: d["weights"]["pytorch_state_dict"].update(architecture=architecture)))
    assert not victim.exists()


def test_recovery_leaves_ordered_dicts_and_drops_the_rest(foreign_class: type) -> None:
    nested = collections.OrderedDict(a=foreign_class(), b=[1, (2, {"c": foreign_class()})])
    content = _saved({"state_dict": {"w": torch.eye(2)}, "nested": nested}, zipped=True)
    weights = read_weights(content, "w.ckpt")
    assert weights.container == "state_dict"
    assert torch.equal(weights.tensors["w"], torch.eye(2))
