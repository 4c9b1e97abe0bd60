from __future__ import annotations

import pytest
import torch

from napari_osuda.models.architectures.matching import match_keys, unwrapped

KEYS = ("stem.weight", "stem.bias", "head.weight")


def tensors(*keys):
    return {key: torch.zeros(1) for key in keys}


@pytest.mark.parametrize("prefix", ["", "model.", "module.model.", "anything.at.all."])
def test_whatever_stands_before_the_keys_is_taken_off(prefix):
    found = match_keys(tensors(*(prefix + key for key in KEYS)), dict.fromkeys(KEYS))
    assert found.prefix == prefix
    assert tuple(found.tensors) == KEYS
    assert found.keys == {key: prefix + key for key in KEYS}
    assert found.dropped == ()


def test_keys_of_other_things_are_reported():
    held = tensors(*("model." + key for key in KEYS), "loss.weight", "model.extra")
    found = match_keys(held, dict.fromkeys(KEYS))
    assert found.dropped == ("loss.weight",)
    assert "extra" in found.tensors


def test_a_compiled_module_has_its_mark_anywhere():
    found = match_keys(tensors("stem._orig_mod.weight", "stem.bias", "head.weight"), dict.fromkeys(KEYS))
    assert found.keys["stem.weight"] == "stem._orig_mod.weight"


def test_keys_of_nothing_known_stay_as_they_are():
    found = match_keys(tensors("a", "b"), dict.fromkeys(KEYS))
    assert (found.prefix, tuple(found.tensors)) == ("", ("a", "b"))


def test_wrappers_are_taken_off_one_after_the_other():
    layers = [tuple(found) for found in unwrapped(tensors("module.net.a", "module.net.b", "step"))]
    assert layers == [("module.net.a", "module.net.b", "step"), ("net.a", "net.b"), ("a", "b")]


@pytest.mark.parametrize(
    ("first", "second"), [("net.", "ema_net."), ("ema_net.", "net."), ("teacher.", "net.")]
)
def test_of_a_network_that_is_there_twice_the_trained_one_is_taken_and_the_other_named(first, second):
    held = tensors(f"{first}a.weight", f"{first}b.bias", f"{second}a.weight", f"{second}b.bias")
    matched = match_keys(held, dict.fromkeys(("a.weight", "b.bias")))
    assert matched.prefix == "net."
    assert matched.rivals == tuple({first, second} - {"net."})
