"""What a person is told of how a model sees a case."""

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_osuda import load_model
from napari_osuda.imaging import Grid, Preparation, SliceStack, Source, case_from_arrays
from napari_osuda.session.inference.case_notes import case_notes, contrast_notes
from napari_osuda.session.inference.case_slices import slice_spec
from napari_osuda.session.notes import NoteKind

MODEL = Path(__file__).parents[3] / "sample_data" / "models" / "whole-tumour-t2"


@pytest.fixture(scope="module")
def card():
    return load_model(MODEL).card


def kinds_of(image, card, grid=None):
    grid = grid or Grid(image.shape, np.diag([2.0, 2.0, 3.0, 1.0]))
    stack = SliceStack(case_from_arrays("patient7", {"t2": image}, grid), slice_spec(card))
    return case_notes(stack, card)


def a_head(shape=(80, 90, 20), radius=0.8):
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    inside = x**2 + y**2 + z**2 < radius**2
    texture = np.random.default_rng(0).normal(0, 20, shape)
    return np.where(inside, 500 + texture, 0).astype(np.float32)


def test_of_a_head_that_is_seen_whole_there_is_nothing_to_say(card):
    assert kinds_of(a_head(), card) == ()


def test_the_share_of_the_head_that_the_model_does_not_see_is_told(card):
    # 160 voxels of 2 mm are more than the model's 240 mm.
    (note,) = kinds_of(a_head((160, 90, 20), 1.0), card)
    assert note.kind is NoteKind.FIELD_OF_VIEW
    assert "% of the head of 'patient7'" in note.text


def test_a_whole_head_given_to_a_model_that_leaves_out_a_background_of_zero_is_told(card):
    image = a_head()
    noise = np.hypot(*np.random.default_rng(1).normal(0, 8, (2, *image.shape)))
    noisy = np.where(image == 0, noise, image).astype(np.float32)
    (note,) = kinds_of(noisy, card)
    assert note.kind is NoteKind.WHOLE_HEAD
    assert kinds_of(noisy, card.model_copy(update={"normalisation": "zscore"})) == ()


def test_a_place_that_is_not_known_is_told(card):
    grid = Grid((80, 90, 20), np.diag([2.0, 2.0, 3.0, 1.0]), placed=False)
    assert [note.kind for note in kinds_of(a_head(), card, grid)] == [NoteKind.PLACE]


def test_no_sentence_is_long(card):
    image = a_head((160, 90, 20), 1.0)
    noise = np.hypot(*np.random.default_rng(1).normal(0, 8, (2, *image.shape)))
    noisy = np.where(image == 0, noise, image).astype(np.float32)
    notes = kinds_of(noisy, card, Grid(image.shape, np.diag([2.0, 2.0, 3.0, 1.0]), placed=False))
    assert len(notes) == 3
    for note in notes:
        assert all(len(sentence.split()) <= 25 for sentence in note.text.split(". "))


def a_case(card, **changes):
    grid = Grid((80, 90, 20), np.diag([2.0, 2.0, 3.0, 1.0]))
    case = replace(case_from_arrays("patient7", {"t2": a_head()}, grid), **changes)
    return case_notes(SliceStack(case, slice_spec(card)), card)


def test_a_whole_head_for_a_model_of_brains_is_told_and_a_brain_mask_answers_it(card):
    stripped = card.model_copy(update={"skull_stripped": True})
    large = a_head((110, 110, 50), 0.95)
    grid = Grid(large.shape, np.diag([2.0, 2.0, 4.0, 1.0]))
    (note,) = kinds_of(large, stripped, grid)
    assert note.kind is NoteKind.WHOLE_HEAD
    assert "Give a brain mask" in note.text
    # As large as a brain.
    assert a_case(stripped) == ()
    assert kinds_of(large, card.model_copy(update={"skull_stripped": False}), grid) == ()
    (note,) = a_case(stripped, brain_share=0.4)
    assert note.kind is NoteKind.BRAIN_MASK
    assert "does not see 60% of the head" in note.text


def test_what_was_done_to_the_images_is_told(card):
    grid = Grid((80, 90, 10), np.diag([2.0, 2.0, 6.0, 1.0]))
    case = case_from_arrays("patient7", {"t2": a_head()}, Grid((80, 90, 20), np.diag([2.0, 2.0, 3.0, 1.0])))
    moved = (replace(case.sources[0], grid=grid, covered=0.8),)
    notes = a_case(card, sources=moved, preparation=Preparation("t1", bias_field=True))
    assert [note.kind for note in notes] == [NoteKind.GRID, NoteKind.GRID, NoteKind.BIAS_FIELD]
    assert "t2 was resampled to the voxels of t1" in notes[0].text
    assert "t2 shows 80% of the head" in notes[1].text
    for note in notes:
        assert all(len(sentence.split()) <= 25 for sentence in note.text.split(". "))


def test_images_of_which_one_does_not_say_where_it_lies_are_told(card):
    assert [note.kind for note in a_case(card, placed=False)] == [NoteKind.PLACE]


def test_a_header_with_two_places_is_told(card):
    image = nib.Nifti1Image(np.zeros((80, 90, 20), np.uint8), np.diag([2.0, 2.0, 3.0, 1.0]))
    image.set_qform(np.diag([-2.0, 2.0, 3.0, 1.0]), code=1)
    image.set_sform(image.affine, code=2)
    (note,) = a_case(card, grid=Grid((80, 90, 20), image.affine, image.header))
    assert note.kind is NoteKind.PLACE
    assert "sform and qform" in note.text


def test_a_crop_given_to_a_model_of_whole_heads_is_told(card):
    crop = np.random.default_rng(0).normal(500, 20, (35, 51, 20)).astype(np.float32)
    (note,) = kinds_of(crop, card, Grid(crop.shape, np.eye(4)))
    assert note.kind is NoteKind.FIELD_OF_VIEW
    assert "shows 35 x 51 mm, and the model knows 240 x 240 mm" in note.text


def named(name):
    image = a_head((20, 20, 8))
    case = case_from_arrays("patient7", {"t2": image}, Grid(image.shape, np.eye(4)))
    return replace(case, sources=(replace(case.sources[0], title=name),))


@pytest.mark.parametrize(("name", "noted"), [("p_FLAIR", True), ("p_T2", False), ("scan", False)])
def test_an_image_that_stands_in_for_another_contrast_is_told(card, name, noted):
    assert [note.kind for note in contrast_notes(named(name), card)] == [NoteKind.CONTRAST] * noted


@pytest.mark.parametrize(
    ("adapted_to", "name", "told"),
    [
        (["flair"], "p_FLAIR", ""),
        (["flair"], "scan", ""),
        (["flair"], "p_T2", "is T2, and the model was adapted to FLAIR."),
        (["flair"], "p_T1", "is T1, and the model was adapted to FLAIR."),
        ([None], "p_FLAIR", ""),
        ("flair", "p_FLAIR", ""),
        (3, "p_FLAIR", ""),
    ],
)
def test_an_adapted_model_knows_what_it_was_adapted_to(card, adapted_to, name, told):
    target = [{"case": "a", "contrasts": adapted_to}, "no case"] if adapted_to != 3 else 3
    card = card.model_copy(
        update={
            "intensity_maps": ("inverted",),
            "raw": {"config": {"osuda": {"provenance": {"target": target}}}},
        }
    )
    notes = [note.text for note in contrast_notes(named(name), card)]
    assert [told in text for text in notes] == [True] * bool(told)


@pytest.mark.parametrize(("thickness", "told"), [(3.0, 0), (2.1, 0), (1.5, 1), (None, 0)])
def test_slices_that_lie_far_apart_are_told(card, thickness, told):
    grid = Grid((80, 90, 20), np.diag([2.0, 2.0, 3.0, 1.0]))
    source = Source("t2", None, None, grid.shape, grid.affine, thickness=thickness)
    notes = a_case(card, sources=(source,))
    assert [note.kind for note in notes] == [NoteKind.GAPS] * told
    assert all("are 1.5 mm thick and lie 3 mm apart. Are slices missing?" in note.text for note in notes)
