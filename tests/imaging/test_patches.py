import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.imaging.patches import covering_patches, head_sizes


@given(
    shape=st.tuples(*[st.integers(1, 14)] * 3),
    patch=st.tuples(*[st.integers(1, 14)] * 3),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**31),
)
def test_patches_show_the_whole_head_and_each_shows_some_of_it(shape, patch, share, seed):
    patch = tuple(map(min, patch, shape))
    head = np.random.default_rng(seed).random(shape) < share
    places = covering_patches(head, patch)
    seen = np.zeros(shape, bool)
    for place in places:
        window = tuple(slice(s, s + n) for s, n in zip(place, patch, strict=True))
        assert seen[window].shape == patch
        assert head[window].any()
        seen[window] = True
    assert seen[head].all()
    assert len({tuple(place) for place in places}) == len(places)


def test_a_head_within_one_patch_lies_in_its_middle():
    head = np.zeros((20, 9, 30), bool)
    head[12:16, 2:7, 26:30] = True
    assert covering_patches(head, (8, 9, 10)).tolist() == [[10, 0, 20]]
    assert head_sizes(head, np.array([[10, 0, 20], [14, 0, 0]]), (8, 9, 10)).tolist() == [80, 0]


def test_patches_are_spread_evenly():
    head = np.ones((10, 4, 4), bool)
    assert covering_patches(head, (4, 4, 4))[:, 0].tolist() == [0, 3, 6]
    assert covering_patches(np.zeros((5, 5, 5), bool), (4, 4, 4)).shape == (0, 3)
