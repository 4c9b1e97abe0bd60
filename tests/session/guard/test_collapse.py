from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from napari_osuda.method import StepReport, preset
from napari_osuda.session import IterationReason, NoteKind, adapt_case
from napari_osuda.session.guard.collapse import CollapseWatch

NOTHING = np.zeros(1, np.float32)
REPORT = StepReport(
    t=0, eta=0.0, lam=1.0, l_hbs=0.0, l_se=0.0, loss=0.0, l_other=0.0, distance=NOTHING, alpha=NOTHING,
    gamma_shift=NOTHING, beta_shift=NOTHING, class_fractions=NOTHING, dead_channels=0, seconds=0.0,
)  # fmt: skip


HEAD = 0.34


def watched(shares, batches=3, foreground=None, alike=True, stopped_after=None):
    """Steps whose state t has weight t and marks ``shares[t]``: where it ended, weight, good state."""
    model = nn.Linear(1, 1)
    nn.init.constant_(model.weight, 0)
    watch = CollapseWatch(model, [HEAD] * batches, alike=alike, foreground=foreground)
    for t, share in enumerate(shares):
        if t == stopped_after:
            state = watch.state_dict()
            watch = CollapseWatch(model, [HEAD] * batches, alike=alike, foreground=foreground)
            watch.load_state_dict(state)
        # Where classes may overlap, one more that is not of the foreground claims what it likes.
        fractions = np.array([1 - share, share, 0.0][: 2 if foreground is None else 3], np.float32)
        nn.init.constant_(model.weight, t + 1)
        if watch.saw(dataclasses.replace(REPORT, t=t, class_fractions=fractions)):
            watch.restore()
            return t, model.weight.item(), watch.good
    return None, model.weight.item(), watch.good


@pytest.mark.parametrize(
    ("share", "to"), [(0.05, 0.0), (0.05, 0.9), (0.05, HEAD), (0.2, HEAD), (0.26, 1.0), (0.2, 0.0)]
)
@pytest.mark.parametrize("foreground", [None, [1, 2]])
@given(start=st.integers(1, 30))
def test_a_collapse_is_caught_within_five_iterations_and_the_last_good_state_kept(
    share, to, foreground, start
):
    """Nothing left, the whole image, the whole head; from a lesion's share, and from nonsense."""
    ended, weight, good = watched([share] * start + [to] * 6, foreground=foreground)
    assert ended is not None
    assert ended - start < 5
    assert (weight, good) == (start - 1, start - 1)


@given(st.floats(0.3, 0.9))
def test_a_foreground_that_fades_is_caught_once_a_tenth_is_left_and_half_of_it_is_what_is_kept(factor):
    shares = [0.05] * 3 + [0.05 * factor**k for k in range(1, 60)]
    # Reports hold float32: on the edge itself either side is right.
    assume(all(abs(share - edge) > 1e-7 for share in shares for edge in (0.005, 0.025)))
    ended, _, good = watched(shares)
    start = next(t for t, share in enumerate(shares) if share < 0.1 * 0.05)
    assert ended == start + 2
    assert shares[good] >= 0.02499
    assert shares[good + 1] <= 0.02501


@given(st.integers(1, 8))
def test_a_run_that_was_taken_up_again_keeps_the_same_state(stopped_after):
    shares = [*[0.05] * 3, *[0.02] * 3, *[0.004] * 3]
    assert watched(shares, stopped_after=stopped_after) == watched(shares) == (8, 2, 2)


@given(st.permutations([0.05, 0.03, 0.001, 0.0, 0.0, 0.0, 0.0, 0.2]))
def test_batches_that_differ_are_each_held_against_themselves(shares):
    """Patches one at a time: most show no lesion, and that is no collapse."""
    assert watched(shares * 3, batches=8, alike=False)[0] is None
    ended, *_ = watched([*shares, *shares, *[0.0] * 8], batches=8, alike=False)
    assert ended is not None


def test_after_a_change_of_the_batches_none_is_known():
    watch = CollapseWatch(nn.Linear(1, 1), [HEAD], alike=True)

    def step(t, share):
        return watch.saw(dataclasses.replace(REPORT, t=t, class_fractions=np.array([1 - share, share])))

    assert [step(0, 0.1), step(1, 0.1)] == [None, None]
    watch.rebatch([HEAD] * 8, alike=False)
    assert [step(t, 0.0) for t in range(2, 10)] == [None] * 8


def test_nonsense_that_shrinks_to_a_lesion_is_no_collapse():
    ended, weight, good = watched([0.2] * 3 + [0.2 * 0.8**k for k in range(15)] + [0.007] * 6)
    assert (ended, weight) == (None, 24)
    assert good == 23


@given(st.lists(st.floats(0.01, 0.05), min_size=1, max_size=40))
def test_a_foreground_that_only_grows_and_shrinks_is_no_collapse(shares):
    ended, weight, _ = watched(shares)
    assert ended is None
    assert weight == len(shares)


def test_one_odd_batch_is_no_collapse():
    assert watched([0.05, 0.05, 0.05, 0.0, 0.05, 0.05] * 3)[0] is None


def test_a_head_without_tumor_is_no_collapse():
    assert watched([0.00015] * 6 + [0.0] * 20)[0] is None


def test_a_small_lesion_that_is_gone_is_a_collapse():
    ended, weight, _ = watched([0.0005] * 6 + [0.0] * 20)
    assert ended < 6 + 5
    assert weight == 5


def test_a_batch_without_foreground_between_others_hides_nothing():
    # Every third batch shows no tumor; the others lose theirs at iteration 9.
    shares = [0.0 if t % 3 == 0 or t > 9 else 0.05 for t in range(20)]
    ended, _, good = watched(shares)
    assert ended is not None
    assert ended < 9 + 5
    assert good <= 9


def test_a_run_that_collapses_ends_with_the_last_good_state_and_says_so(model, case):
    # Told that there is no foreground, the loss drives it out.
    config = preset("osuda", iterations=40, batch_size=4, learning_rate=0.02, class_ratio=(1.0, 0.0),
                    class_ratio_weight=100.0, source_prior=0.5, fallback=False)  # fmt: skip
    result = adapt_case(model, case, config)
    assert result.outcome == "done"
    assert len(result.reports) < 40
    assert result.iteration_reason is IterationReason.COLLAPSE
    (told,) = (note for note in result.notes if note.kind is NoteKind.COLLAPSE)
    assert result.reports[-1].class_fractions[1] < 0.001
    assert np.count_nonzero(result.cases[0].after) > 0
    assert f"the result of iteration {result.iteration}" in told.text
    unguarded = adapt_case(model, case, config.replace(guard=False))
    assert len(unguarded.reports) == 40
    assert unguarded.cases[0].recommendation is None
