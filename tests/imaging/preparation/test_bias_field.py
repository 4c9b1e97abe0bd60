"""The bias field is taken out, the same way each time; and what is no magnitude image is refused."""

import numpy as np
import pytest

from napari_osuda.errors import CaseError
from napari_osuda.imaging.preparation import bias_field
from napari_osuda.imaging.preparation.bias_field import without_bias_field

SHAPE = (48, 48, 24)


def shaded():
    """Two tissues in a ball, under a field that doubles from left to right."""
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    head = x**2 + y**2 + z**2 < 0.8
    tissue = np.where((x * 4).astype(int) % 2 == (y * 4).astype(int) % 2, 300.0, 500.0)
    tissue += np.random.default_rng(0).normal(0, 5, SHAPE)
    field = np.exp(0.35 * x)
    return np.where(head, tissue * field, 0).astype(np.float32), np.where(head, tissue, 0), head


def test_a_slow_change_of_brightness_is_taken_out():
    pytest.importorskip("SimpleITK")
    image, tissue, head = shaded()
    corrected = without_bias_field(image, head, "t1", (2.0, 2.0, 4.0))
    assert corrected.dtype == np.float32

    def spread(values):
        ratio = np.log(values[head] / tissue[head])
        return float(ratio.std())

    assert spread(corrected) < 0.5 * spread(image)
    np.testing.assert_array_equal(corrected[~head], 0)
    np.testing.assert_array_equal(corrected, without_bias_field(image, head, "t1", (2.0, 2.0, 4.0)))


def test_an_image_without_magnitudes_is_refused():
    pytest.importorskip("SimpleITK")
    image, _, head = shaded()
    with pytest.raises(CaseError, match="t1 has values below 0 in the head"):
        without_bias_field(np.where(head, image - 400, 0).astype(np.float32), head, "t1", (2.0, 2.0, 4.0))


def test_without_simpleitk_the_sentence_says_what_to_install(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(bias_field, "import_module", missing)
    image, _, head = shaded()
    with pytest.raises(CaseError, match=r"pip install 'napari-osuda\[itk\]'"):
        without_bias_field(image, head, "t1", (2.0, 2.0, 4.0))
