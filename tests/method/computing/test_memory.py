from __future__ import annotations

import pytest
import torch

from napari_osuda.method.computing import memory
from napari_osuda.method.computing.memory import memory_kept


class Library:
    def __init__(self):
        self.calls = []

    def mallopt(self, what, value):
        self.calls.append((what, value))

    def malloc_trim(self, pad):
        self.calls.append("trimmed")


def test_what_is_changed_is_changed_back_whatever_ends_it(monkeypatch):
    library = Library()
    monkeypatch.setattr(memory, "_glibc", lambda: library)

    def fail():
        with memory_kept():
            assert library.calls == [(-3, 2**30), (-1, 2**30)]
            raise MemoryError

    with pytest.raises(MemoryError):
        fail()
    assert library.calls[2:] == [(-3, 2**25), (-1, 2**26), "trimmed"]


@pytest.mark.parametrize("name", [None, "musl 1.2", ValueError, AttributeError])
def test_another_library_is_left_alone(monkeypatch, name):
    def confstr(asked):
        if isinstance(name, type):
            raise name
        return name

    monkeypatch.setattr(memory.os, "confstr", confstr, raising=False)
    with memory_kept():
        assert torch.ones(2).sum() == 2
