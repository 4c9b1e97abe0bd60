from __future__ import annotations

import numpy as np
import pytest
from review_parts import SHAPE, masks, review_case

from napari_osuda.errors import CaseError
from napari_osuda.imaging import Grid
from napari_osuda.session.review.case import plane_axes


@pytest.mark.parametrize(
    ("decision", "mask"), [("accept", "after"), ("keep-source", "before"), (None, "after"), ("neither", None)]
)
def test_undecided_slices_hold_what_is_recommended(decision, mask):
    case = review_case(decision)
    assert case.proposed == mask
    expected = np.zeros(SHAPE) if mask is None else getattr(case, mask)
    np.testing.assert_array_equal(case.proposal, expected)


def test_masks_of_another_shape_are_not_of_this_case():
    with pytest.raises(CaseError, match="not of one case"):
        review_case(after=masks((2, 2, 2))[1])


def test_a_digest_is_of_the_labels_and_not_of_how_they_are_stored():
    case = review_case()
    other = review_case(after=np.asfortranarray(case.after.astype(np.int32)))
    assert case.digests("after", "coronal", (0, 2)) == other.digests("after", "coronal", (0, 2))
    assert case.digests("after", None) == other.digests("after", None)
    assert case.digests("after", None) != case.digests("before", None)


def test_planes_are_found_on_the_nearest_axes():
    assert plane_axes(Grid(SHAPE, np.eye(4))) == {"sagittal": 0, "coronal": 1, "axial": 2}
    turned = np.array([[0, 0, 1.0, 0], [1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1]])
    assert plane_axes(Grid(SHAPE, turned)) == {"sagittal": 2, "coronal": 0, "axial": 1}
