import pytest

from napari_osuda.session.report.content import shown_first


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["t1", "t1ce", "t2", "flair"], 3),
        (["t1_mprage_tra", "t2_tirm_tra_dark-fluid", "t2_tse_tra"], 1),
        (["patient_t1", "patient_t2"], 1),
        (["anything"], 0),
    ],
)
def test_the_contrast_that_shows_a_glioma_best_is_shown_first(names, shown):
    assert shown_first(names) == shown
