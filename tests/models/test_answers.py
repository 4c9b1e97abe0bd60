from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest
import torch
from platformdirs import user_config_path
from torch import nn

from napari_osuda.errors import ModelError, OutputError, UntrustedModelError
from napari_osuda.locks import is_locked
from napari_osuda.models import SavedAnswers, load_model, open_questions
from napari_osuda.models.answers import settings_folder
from napari_osuda.networks import UNet

ANSWERS = {
    "channels": "t1,t2",
    "labels": "0=background,2=edema,4=enhancing",
    "plane": "coronal",
    "orientation": "RAS",
    "normalisation": "zscore",
    "activation": "softmax",
    "architecture": "napari_osuda.networks.UNet",
}


@pytest.fixture
def memory(tmp_path: Path) -> SavedAnswers:
    return SavedAnswers(tmp_path / "settings")


@pytest.fixture
def weights(tmp_path: Path, network: UNet) -> Path:
    path = tmp_path / "weights.pt"
    torch.save(network.state_dict(), path)
    return path


def test_answers_are_given_once_for_a_file(weights: Path, memory: SavedAnswers) -> None:
    assert {question.key for question in open_questions(weights, memory=memory)} == {
        "architecture", "channels", "output_channels", "activation", "normalisation", "plane", "orientation",
    }  # fmt: skip
    load_model(weights, overrides=ANSWERS, memory=memory)
    assert open_questions(weights, memory=memory) == []
    model = load_model(weights, memory=memory)
    assert (model.card.plane, model.card.normalisation) == ("coronal", "zscore")
    assert any(note.startswith("Answered before for this file:") for note in model.notes)
    # What is said now goes before, and is kept in its turn; the rest stays.
    assert load_model(weights, overrides={"plane": "axial"}, memory=memory).card.plane == "axial"
    assert load_model(weights, memory=memory).card.plane == "axial"
    assert load_model(weights, memory=memory).card.labels[4] == "enhancing"
    # Without a memory nothing is known, and nothing is written without an answer.
    with pytest.raises(ModelError, match="channels"):
        load_model(weights)


def test_a_changed_file_is_another_file(weights: Path, memory: SavedAnswers, network: UNet) -> None:
    load_model(weights, overrides=ANSWERS, memory=memory)
    state = network.state_dict()
    state["head.bias"] = state["head.bias"] + 1
    torch.save(state, weights)
    assert open_questions(weights, memory=memory)


def test_the_class_of_weights_is_remembered_where_their_shapes_do_not_tell(
    tmp_path: Path, memory: SavedAnswers
) -> None:
    pytest.importorskip("monai")
    from monai.networks.nets import FlexibleUNet

    path = tmp_path / "flexible.pt"
    network = FlexibleUNet(2, 3, "efficientnet-b0", decoder_channels=(8, 8, 8, 8, 8))
    torch.save(network.state_dict(), path)
    answers = ANSWERS | {
        "architecture": "monai.networks.nets.FlexibleUNet",
        "kwargs": "{backbone: efficientnet-b0, decoder_channels: [8, 8, 8, 8, 8],"
        " in_channels: 2, out_channels: 3}",
    }
    first = load_model(path, overrides=answers, memory=memory)
    again = load_model(path, memory=memory)
    assert again.card.architecture == first.card.architecture


def test_what_does_not_load_is_not_kept(weights: Path, memory: SavedAnswers) -> None:
    with pytest.raises(ModelError):
        load_model(weights, overrides=ANSWERS | {"channels": "t1"}, memory=memory)
    assert not memory.path.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"models": 3}', '{"models": {"a": 3}}', '{"models": []}'])
def test_a_damaged_memory_is_an_empty_one_and_is_mended(memory: SavedAnswers, text: str) -> None:
    memory.path.parent.mkdir()
    memory.path.write_text(text)
    assert memory.answers("a") == {}
    assert not memory.trusts("a")
    memory.keep_trust("a", "/somewhere/net.ts")
    memory.keep_answers("b", {"plane": "axial"}, "x")
    assert memory.trusts("a")
    assert memory.answers("b") == {"plane": "axial"}
    assert json.loads(memory.path.read_text())["models"]["a"]["path"] == "/somewhere/net.ts"
    memory.forget("a")
    assert not memory.trusts("a")


def test_an_answer_that_is_no_longer_known_is_passed_over(weights: Path, memory: SavedAnswers) -> None:
    load_model(weights, overrides=ANSWERS, memory=memory)
    sha = load_model(weights, memory=memory).sha256
    memory.keep_answers(sha, {"of_another_version": 1}, weights)
    assert open_questions(weights, memory=memory)


def test_settings_that_cannot_be_written_do_not_stop_a_model(
    weights: Path, memory: SavedAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.path.parent.parent.joinpath("settings").write_text("a file where the folder should be")
    model = load_model(weights, overrides=ANSWERS, memory=memory)
    assert any("cannot be saved" in note for note in model.notes)
    with pytest.raises(OutputError, match=r"models.json"):
        memory.keep_trust("a", "x")


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_trust_is_in_exactly_one_file(tmp_path: Path, memory: SavedAnswers) -> None:
    torch.manual_seed(0)
    path = tmp_path / "net.pt"
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1)).eval()
    torch.jit.save(torch.jit.trace(network, torch.zeros(1, 1, 32, 32)), path)
    with pytest.raises(UntrustedModelError) as refused:
        load_model(path, overrides={"defaults": True}, memory=memory)
    sha = refused.value.sha256
    assert sha is not None
    assert refused.value.what == "TorchScript program"
    assert sha in str(refused.value)
    memory.keep_trust(sha, path)
    memory.keep_answers("another", {"plane": "axial"}, path)
    assert memory.trusted() == {sha}
    # A memory that trusts is not enough where nobody asks it: the caller says whom to trust.
    with pytest.raises(UntrustedModelError):
        load_model(path, overrides={"defaults": True}, memory=memory)
    assert load_model(path, overrides={"defaults": True}, trust={sha}).sha256 == sha
    network[2].bias.data += 1
    torch.jit.save(torch.jit.trace(network, torch.zeros(1, 1, 32, 32)), path)
    with pytest.raises(UntrustedModelError) as again:
        load_model(path, overrides={"defaults": True}, trust={sha})
    assert again.value.sha256 != sha
    assert not memory.trusts(str(again.value.sha256))


def test_settings_are_where_the_system_has_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OSUDA_CONFIG", str(tmp_path))
    assert settings_folder() == tmp_path
    monkeypatch.delenv("OSUDA_CONFIG")
    if sys.platform.startswith("linux"):
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
        assert settings_folder() == tmp_path / "xdg" / "napari-osuda"
    else:
        assert settings_folder() == user_config_path("napari-osuda", appauthor=False, roaming=True)


@pytest.mark.posix
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_eight_programs_at_once_keep_eight_answers(tmp_path: Path) -> None:
    children = []
    for number in range(8):
        child = os.fork()
        if child == 0:
            try:
                memory = SavedAnswers(tmp_path / "settings")
                memory.keep_answers(f"sha-{number}", {"plane": "axial"}, "x.pt")
                memory.keep_trust(f"sha-{number}", "x.pt")
            finally:
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    memory = SavedAnswers(tmp_path / "settings")
    assert [memory.answers(f"sha-{number}") for number in range(8)] == [{"plane": "axial"}] * 8
    assert memory.trusted() == {f"sha-{number}" for number in range(8)}
    assert [path.name for path in (tmp_path / "settings").iterdir()] == ["models.json"]


@pytest.mark.posix
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_programs_that_are_killed_while_they_write_leave_a_whole_file(
    memory: SavedAnswers,
) -> None:
    memory.keep_answers("mine", ANSWERS, "x.pt")
    children = []
    for number in range(3):
        child = os.fork()
        if child == 0:
            for count in range(10**6):
                memory.keep_answers(f"{number}-{count % 9}", ANSWERS, "x.pt")
            os._exit(0)
        children.append(child)
    texts = set()
    while len(texts) < 5:
        texts.add(memory.path.read_text())
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    # Each that a reader came upon, and what the killed ones left, is whole and has what was there before.
    for text in [*texts, memory.path.read_text()]:
        assert json.loads(text)["models"]["mine"]["answers"] == ANSWERS
    memory.keep_answers("later", ANSWERS, "x.pt")
    assert memory.answers("later") == ANSWERS
    assert not is_locked(memory.path.parent)


@pytest.mark.posix
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize(("what", "mode"), [(".", 0o555), ("models.json", 0o000)], ids=["folder", "file"])
def test_what_cannot_be_written_or_read_is_said_and_left_as_it_is(
    memory: SavedAnswers, monkeypatch: pytest.MonkeyPatch, what: str, mode: int
) -> None:
    folder = memory.path.parent
    memory.keep_answers("old", ANSWERS, "x.pt")
    before = memory.path.read_bytes()
    for place in (folder, folder.parent):
        place.chmod(0o777)
    (folder / what).chmod(mode)
    # From where a user without rights to the folders above can see it.
    monkeypatch.chdir(folder.parent)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setuid(65534)
            own = SavedAnswers(Path(folder.name))
            own.trusts("old")
            for change in (lambda: own.keep_answers("new", ANSWERS, "x.pt"), lambda: own.forget("old")):
                with pytest.raises(OutputError, match="cannot be saved") as said:
                    change()
                os.write(writing, f"{said.value}\n".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as stream:
        said = stream.read().splitlines()
    os.waitpid(child, 0)
    assert [line.endswith("Permission denied.") for line in said] == [True, True]
    (folder / what).chmod(0o777)
    assert memory.path.read_bytes() == before


@pytest.mark.posix
def test_settings_that_are_a_pipe_are_empty(tmp_path):
    os.mkfifo(tmp_path / "models.json")
    assert SavedAnswers(tmp_path).trusted() == frozenset()
