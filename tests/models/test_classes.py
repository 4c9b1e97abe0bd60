from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.models import ModelCard, decide


def _card(**fields: object) -> ModelCard:
    return ModelCard.of(channels=("t1",), **fields)


@given(st.integers(0, 2**32 - 1), st.permutations([0, 1, 2, 4]))
def test_softmax_takes_the_likeliest_channels_value(seed: int, values: list[int]) -> None:
    card = _card(output_channels=("a", "b", "c", "d"), labels={v: f"label {v}" for v in values})
    p = np.random.default_rng(seed).dirichlet(np.ones(4), (2, 3, 5)).transpose(0, 3, 1, 2)
    mask = decide(p, card)
    assert mask.dtype == np.uint8
    assert mask.shape == (2, 3, 5)
    for index in np.ndindex(mask.shape):
        b, *space = index
        assert mask[index] == values[int(np.argmax(p[(b, slice(None), *space)]))]


def test_sigmoid_paints_in_the_order_of_the_labels() -> None:
    card = _card(output_channels=("a", "b"), activation="sigmoid", labels={0: "background", 3: "a", 7: "b"})
    p = np.array([[[0.9, 0.9, 0.2, 0.5], [0.1, 0.8, 0.9, 0.5]]])
    np.testing.assert_array_equal(decide(p, card), [[3, 7, 7, 0]])


def test_one_channel_is_a_threshold() -> None:
    for activation in ("sigmoid", "none"):
        card = _card(
            output_channels=("lesion",), activation=activation, labels={0: "background", 5: "lesion"}
        )
        np.testing.assert_array_equal(decide(np.array([[[0.4, 0.6]]]), card), [[0, 5]])


def test_none_with_a_channel_for_each_label_takes_the_likeliest() -> None:
    card = _card(output_channels=("background", "a"), activation="none")
    np.testing.assert_array_equal(decide(np.array([[[0.4, 0.1], [0.3, 0.2]]]), card), [[0, 1]])


def test_overlapping_regions_paint_the_inner_over_the_outer() -> None:
    card = _card(
        output_channels=("TC", "WT", "ET"),
        activation="sigmoid",
        labels={0: "background", 1: "necrosis", 2: "edema", 4: "enhancing"},
        regions={"TC": (1, 4), "WT": (1, 2, 4), "ET": (4,)},
    )
    #       nothing, WT, WT+TC, all three
    tc, wt, et = [0, 0, 1, 1], [0, 1, 1, 1], [0, 0, 0, 1]
    p = np.array([[tc, wt, et]], dtype=np.float32)
    np.testing.assert_array_equal(decide(p, card), [[0, 2, 1, 4]])


def test_wrong_channel_count_is_refused() -> None:
    card = _card(output_channels=("background", "a"))
    with pytest.raises(ValueError, match="3 channels"):
        decide(np.zeros((1, 3, 4, 4)), card)


@pytest.mark.parametrize(
    ("channels", "labels", "values"),
    [
        (("lesion", "background"), {0: "background", 7: "Lesion"}, (7, 0)),
        (("background", "lesion"), {7: "lesion", 0: "Background"}, (0, 7)),
        (("background", "lesion"), {0: "background", 7: "lesion"}, (0, 7)),
        # Other names: the order is all that there is.
        (("class 0", "class 1"), {0: "background", 7: "lesion"}, (0, 7)),
        (("background", "lesion"), {0: "background", 7: "edema"}, (0, 7)),
        (("a", "b"), {0: "same", 7: "same"}, (0, 7)),
    ],
)
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_a_channel_is_the_label_of_its_name_whatever_their_orders(
    channels: tuple[str, ...], labels: dict[int, str], values: tuple[int, ...], activation: str
) -> None:
    card = _card(output_channels=channels, labels=labels, activation=activation)
    assert card.channel_values == values
    first = np.array([[[0.9], [0.1]]])
    assert decide(first, card).tolist() == [[values[0]]]


@given(st.integers(0, 2**16), st.integers(2, 5))
def test_the_first_of_several_that_are_as_likely_wins_and_nan_above_all(seed: int, channels: int) -> None:
    values = np.random.default_rng(seed).choice(np.array([0.0, 0.3, 0.5, np.nan]), (3, channels, 5, 7))
    names = ("background", *(f"label {k}" for k in range(1, channels)))
    card = _card(output_channels=names, labels=dict(enumerate(names)))
    assert np.array_equal(decide(values, card), values.argmax(axis=1))
