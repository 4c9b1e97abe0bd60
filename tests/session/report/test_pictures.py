import base64
import io
from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from napari_osuda.session.report.pictures import (
    choose_slices,
    data_uri,
    overlay,
    slice_figures,
    slice_pictures,
)

ORIENTATIONS = [
    "".join(pair[side] for pair, side in zip(axes, sides, strict=True))
    for axes in permutations(("RL", "AP", "SI"))
    for sides in product((0, 1), repeat=3)
]
AFFINE = np.array([[1.0, 0, 0, -9], [0, 2.0, 0, -20], [0, 0, 3.0, -15], [0, 0, 0, 1]])


def in_orientation(volume, codes):
    """A RAS volume with AFFINE, stored along other axes."""
    image = nib.Nifti1Image(volume, AFFINE)
    change = nib.orientations.ornt_transform(
        nib.orientations.io_orientation(AFFINE), nib.orientations.axcodes2ornt(tuple(codes))
    )
    image = image.as_reoriented(change)
    return np.asarray(image.dataobj), image.affine


def marked():
    """A head whose right front top voxel is brightest, and a mask that has changed there alone."""
    image = np.zeros((20, 22, 12), dtype=np.float32)
    image[2:18, 2:20, 1:11] = 1.0
    image[17, 19, 10] = 100.0
    after = np.zeros(image.shape, dtype=np.uint8)
    after[17, 19, 10] = 1
    return image, after


@pytest.mark.parametrize("codes", ORIENTATIONS)
@pytest.mark.parametrize(
    ("plane", "corner", "title", "pixel_mm"),
    [
        # Radiological: the patient's right on the left of the screen, the front (or the head) up.
        ("axial", (0, 0), "Axial slice 10, at S 15.0 mm", (2.0, 1.0)),
        ("coronal", (0, 0), "Coronal slice 19, at A 18.0 mm", (3.0, 1.0)),
        ("sagittal", (0, 0), "Sagittal slice 17, at R 8.0 mm", (3.0, 2.0)),
    ],
)
def test_the_view_is_radiological_whatever_the_axes(codes, plane, corner, title, pixel_mm):
    image, after = marked()
    stored, affine = in_orientation(image, codes)
    stored_after, _ = in_orientation(after, codes)
    (picture,) = slice_pictures(
        stored, affine, {"before": np.zeros_like(stored_after), "after": stored_after}, plane, 4
    )
    rows, columns = np.nonzero(picture.masks["after"])
    inside = np.argwhere(picture.image > 0)
    assert (rows.item(), columns.item()) == tuple(inside.min(axis=0) + corner)
    assert picture.image[rows.item(), columns.item()] == 255
    assert picture.title == title
    assert picture.pixel_mm == pixel_mm


def test_pictures_are_cropped_to_the_head():
    image, after = marked()
    (picture,) = slice_pictures(image, AFFINE, {"before": after}, "axial", 1)
    assert picture.image.shape == (22, 20)
    wide = np.pad(image, 30)
    (cropped,) = slice_pictures(wide, AFFINE, {"before": np.pad(after, 30)}, "axial", 1)
    assert cropped.image.shape == (18 + 8, 16 + 8)


@pytest.mark.parametrize("fill", [0.0, np.nan, 5.0])
def test_an_image_without_contrast_is_still_a_picture(fill):
    image = np.full((6, 7, 8), fill, dtype=np.float32)
    mask = np.zeros(image.shape, dtype=np.uint8)
    (picture,) = slice_pictures(image, AFFINE, {"before": mask}, "volume", 1)
    assert picture.image.shape == (7, 6)


def test_slices_that_changed_are_shown_apart():
    before, after = np.zeros((2, 4, 4, 30), dtype=np.uint8)
    for index, voxels in ((10, 9), (11, 8), (20, 4)):
        after[..., index].flat[:voxels] = 1
    masks = {"before": before, "after": after}
    assert choose_slices(masks, (1.0, 1.0, 2.0), 2, 4) == [10, 20]
    assert choose_slices(masks, (1.0, 1.0, 8.0), 2, 4) == [10, 11, 20]
    assert choose_slices({"before": after, "after": after}, (1.0, 1.0, 1.0), 2, 4) == [10]
    assert choose_slices({"before": before}, (1.0, 1.0, 1.0), 2, 4) == [15]


def test_an_overlay_is_a_tint_within_a_contour():
    mask = np.zeros((9, 9), dtype=np.uint8)
    mask[2:7, 2:7] = 3
    picture = overlay(mask, {0: "#ffffff", 3: "#e69f00"})
    assert picture.shape == (36, 36, 4)
    assert picture[18, 18].tolist() == [0xE6, 0x9F, 0x00, 90]
    assert picture[8, 18].tolist() == [0xE6, 0x9F, 0x00, 255]
    assert picture[0, 0].tolist() == [0, 0, 0, 0]


def test_a_label_that_the_card_does_not_know_is_seen():
    assert overlay(np.full((3, 3), 9), {})[5, 5].tolist() == [255, 255, 255, 90]


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 3), (5, 6, 4)])
def test_png_keeps_every_pixel(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    head, data = data_uri(pixels).split(",")
    assert head == "data:image/png;base64"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))), pixels)


def test_each_slice_holds_its_image_once_and_every_panel_has_words():
    image, after = marked()
    masks = {"before": np.zeros_like(after), "after": after, "final": after}
    pictures = slice_pictures(image, AFFINE, masks, "axial", 4)
    figure = slice_figures("case0", pictures, {1: "#e69f00"}, "FLAIR <1>")
    assert figure.count('id="case0-0"') == 1
    assert figure.count('href="#case0-0"') == 4
    assert figure.count("aria-label=") == figure.count("<svg") == 5
    assert "FLAIR &lt;1&gt;" in figure
    assert "; voxels changed: 1<" in figure
