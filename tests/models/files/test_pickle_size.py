"""Pickles that would make very many or very large objects are refused before anything is made."""

from __future__ import annotations

import io
import pickle

import pytest
import torch

from napari_osuda.errors import ModelError
from napari_osuda.models.files import pickle_size
from napari_osuda.models.files.pickle_size import check_pickles


def test_an_honest_checkpoint_passes() -> None:
    stream = io.BytesIO()
    state = {f"layer.{i}.weight": torch.zeros(2) for i in range(300)}
    torch.save({"state_dict": state, "epoch": 3}, stream, _use_new_zipfile_serialization=False)
    check_pickles(stream.getvalue(), "m.pt")


def test_what_is_no_pickle_passes_to_its_reader() -> None:
    for content in (b"", b"junk", b"\x80\x02", b"\x80\x02h\x05."):
        check_pickles(content, "m.pt")


def test_operations_are_counted_over_all_pickles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_size, "_MOST_OPERATIONS", 50)
    one = pickle.dumps(list(range(20)), 2)
    check_pickles(one, "m.pt")
    with pytest.raises(ModelError, match=r"m\.pt holds more than 50 objects"):
        check_pickles(one * 3, "m.pt")
    check_pickles(one * 3, "m.pt", count=1)


@pytest.mark.parametrize("module", ["builtins", "__builtin__"])
def test_bytes_made_of_a_number_are_named(module: str) -> None:
    body = b"\x80\x02c" + module.encode() + b"\nbytearray\nJ\xff\xff\xff\x7f\x85R."
    with pytest.raises(pickle.UnpicklingError, match=f"GLOBAL {module}.bytearray"):
        check_pickles(body, "m.pt")


@pytest.mark.parametrize("call", [b"h\x00\x85R0", b"(h\x00tR0", b"h\x00R0", b")Rh\x00b0"])
def test_copies_of_what_was_made_are_counted(call: bytes) -> None:
    step = b"ccollections\nOrderedDict\n" + call
    check_pickles(b"\x80\x02]q\x000" + step * 100 + b"N.", "m.pt")
    with pytest.raises(ModelError, match="or copies of them"):
        check_pickles(b"\x80\x02]q\x000" + step * 300 + b"N.", "m.pt")
