from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_osuda.imaging import Grid, SliceStack, case_from_arrays
from napari_osuda.models import ModelCard
from napari_osuda.session import slice_spec
from napari_osuda.session.advice import ReasonKind
from napari_osuda.session.guard.recommendation import recommend
from napari_osuda.session.guard.signals import WHOLE, Signals, gather, signals_of
from napari_osuda.session.guard.verdict import contributions, verdict
from napari_osuda.session.guard.wording import said

CARD = ModelCard.of(channels=("t2",), labels={0: "background", 1: "core", 2: "edema"})
FAIR = Signals(share=0.05, certainty=0.9, mirror=0.8, coherence=0.8, largest=0.9, border=1.0, separation=0.3)
POOR = Signals(share=0.1, certainty=0.7, mirror=0.3, coherence=0.5, largest=0.2, border=0.2, separation=0.1)


def whole(before, after):
    return {WHOLE: before}, {WHOLE: after}


def advised(before, after):
    """The recommendation for a mask that has moved a little, with these signals."""
    mask, brain = masks()
    return recommend(mask, np.roll(mask, 1, 0), brain, CARD, (before, after))


def kinds(advice):
    return [reason.kind for reason in advice.reasons]


def masks():
    before = np.zeros((20, 20, 10), np.uint8)
    before[4:12, 4:12, 2:8] = 2
    before[6:10, 6:10, 3:7] = 1
    return before, case_of(before.shape)


def case_of(shape):
    """A case whose voxels are all head, 1 ml each."""
    return case_from_arrays("c", {"t2": np.ones(shape, np.float32)}, Grid(shape, np.diag([10.0, 10, 10, 1])))


def test_what_fits_better_together_is_accepted_and_worse_is_not():
    before, brain = masks()
    after = np.roll(before, 1, axis=0)
    better = recommend(before, after, brain, CARD, whole(POOR, FAIR))
    assert better.decision == "accept"
    worse = recommend(before, after, brain, CARD, whole(FAIR, POOR))
    assert worse.decision == "keep-source"
    for advice, word in ((better, "is steadier when"), (worse, "is less steady when")):
        text = " ".join(said(advice))
        assert ReasonKind.MIRROR in kinds(advice)
        assert word in text
        assert "Marked volume: 384.0 ml adapted, 384.0 ml original" in text
        assert all(reason.endswith(".") for reason in said(advice))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda a: np.zeros_like(a), ReasonKind.EMPTY),
        (lambda a: np.ones_like(a), ReasonKind.EVERYWHERE),
        (lambda a: np.where(a == 1, 0, a).astype(np.uint8), ReasonKind.LABEL_LOST),
    ],
)
def test_what_nobody_would_accept_is_refused_whatever_the_signals_say(change, says):
    before, brain = masks()
    advice = recommend(before, change(before), brain, CARD, whole(POOR, FAIR))
    assert advice.decision == "keep-source"
    assert says in kinds(advice)


def test_nothing_adapted_leaves_nothing_to_decide():
    before, brain = masks()
    assert recommend(before, before, brain, CARD).decision == "accept"
    assert recommend(before, before.copy(), brain, CARD, whole(FAIR, POOR)).decision == "accept"


def signals(share):
    return st.builds(Signals, share, *[st.floats(0, 1)] * 4, st.floats(0, 4), st.floats(0, 1))


@given(signals(st.floats(0, 0.15)), signals(st.floats(0, 0.15)), st.booleans())
def test_contributions_turn_their_sign_with_before_and_after(before, after, of_all):
    one, other = contributions(before, after, whole=of_all), contributions(after, before, whole=of_all)
    if of_all and min(before.share, after.share) < 0.9 * max(before.share, after.share):
        # A border that is sharper because the mask has shrunk speaks for nothing.
        assert min(one.pop("border"), other.pop("border")) <= 0
    assert one == {name: pytest.approx(-value, abs=1e-9) for name, value in other.items()}
    assert not any(contributions(before, before, whole=of_all).values())
    found = verdict({WHOLE: before}, {WHOLE: after})
    assert not (found.accept and verdict({WHOLE: after}, {WHOLE: before}).accept)
    assert not verdict({WHOLE: before}, {WHOLE: before}).accept
    if max(before.share, after.share) >= 1e-4:
        assert found.gain == pytest.approx(sum(contributions(before, after, whole=True).values()))


def test_no_region_pays_for_the_others():
    better = dataclasses.replace(FAIR, border=1.5, coherence=0.95)
    assert verdict({WHOLE: FAIR, "core": FAIR}, {WHOLE: better, "core": FAIR}).accept
    for spoilt in (
        dataclasses.replace(FAIR, coherence=0.65, mirror=0.7),
        dataclasses.replace(FAIR, separation=0.25),
        dataclasses.replace(FAIR, share=0.0),
    ):
        found = verdict({WHOLE: FAIR, "core": FAIR}, {WHOLE: better, "core": spoilt})
        assert not found.accept
        assert found.failing == "core"
        advice = advised({WHOLE: FAIR, "core": FAIR}, {WHOLE: better, "core": spoilt})
        assert advice.decision == "keep-source"
        assert advice.reasons[0].region == "core"


@pytest.mark.parametrize(("more", "accepted"), [(0.015, False), (0.025, True)])
def test_a_plausible_mask_is_changed_for_what_is_clearly_better_alone(more, accepted):
    better = dataclasses.replace(FAIR, coherence=FAIR.coherence + more)
    assert verdict(*whole(FAIR, better)).accept == accepted


@pytest.mark.parametrize(("more", "accepted"), [(0.015, False), (0.115, False), (0.125, True)])
def test_more_must_speak_for_a_mask_that_was_pulled_to_a_class_ratio(more, accepted):
    better = dataclasses.replace(FAIR, coherence=FAIR.coherence + more)
    evidence = whole(FAIR, better)
    found = verdict(*evidence, class_ratio_given=True)
    assert found.accept == accepted
    assert found.pulled == (not accepted and verdict(*evidence).accept)
    mask, brain = masks()
    advice = recommend(mask, np.roll(mask, 1, 0), brain, CARD, evidence, class_ratio_given=True)
    assert advice.decision == ("accept" if accepted else "keep-source")
    assert (kinds(advice)[0] == ReasonKind.PULLED) == found.pulled
    assert advice.signals["class_ratio_given"]


def test_figures_that_read_the_same_are_not_called_better():
    core = dataclasses.replace(FAIR, share=0.01, separation=0.0996)
    better = dataclasses.replace(FAIR, coherence=0.95)
    # By 0.007 as a logarithm, but 10.0 % both.
    nearly = dataclasses.replace(core, separation=0.1004)
    advice = advised({WHOLE: FAIR, "core": core}, {WHOLE: better, "core": nearly})
    assert ReasonKind.SEPARATION not in kinds(advice)
    clearly = dataclasses.replace(core, separation=0.12)
    advice = advised({WHOLE: FAIR, "core": core}, {WHOLE: better, "core": clearly})
    assert "(explained variance 12.0%, original 10.0%)" in said(advice)[0]


@pytest.mark.parametrize(("less", "accepted"), [(0.04, True), (0.06, False)])
def test_a_region_may_lose_a_little_where_the_others_win_more(less, accepted):
    better = dataclasses.replace(FAIR, coherence=0.95)
    core = dataclasses.replace(FAIR, coherence=FAIR.coherence - less)
    assert verdict({WHOLE: FAIR, "core": FAIR}, {WHOLE: better, "core": core}).accept == accepted


def test_a_core_that_shrinks_inside_a_whole_that_stays_is_given_up():
    better = dataclasses.replace(FAIR, border=1.5)
    core = dataclasses.replace(FAIR, share=0.02)
    small = dataclasses.replace(core, share=0.008, border=3.0)
    for share, fault in ((0.0118, "shrinks"), (0.0122, None)):
        shrunk = dataclasses.replace(core, share=share)
        assert verdict({WHOLE: FAIR, "core": core}, {WHOLE: better, "core": shrunk}).fault == fault
    found = verdict({WHOLE: FAIR, "core": core}, {WHOLE: better, "core": small})
    assert (found.accept, found.failing, found.fault) == (False, "core", "shrinks")
    # Where the whole shrinks with it, a false finding may have gone.
    less = dataclasses.replace(better, share=0.02)
    assert verdict({WHOLE: FAIR, "core": core}, {WHOLE: less, "core": small}).fault is None
    advice = advised({WHOLE: FAIR, "core": core}, {WHOLE: better, "core": small})
    assert said(advice)[0].startswith("'core' shrinks to 40% of its volume")


def test_a_trace_of_a_class_that_the_source_saw_nowhere_is_refused_and_a_finding_is_not():
    better = dataclasses.replace(FAIR, mirror=0.95, coherence=0.95)
    nothing, trace, finding = (dataclasses.replace(FAIR, share=share) for share in (0.0, 2e-5, 2e-3))
    found = verdict({WHOLE: FAIR, "core": nothing}, {WHOLE: better, "core": trace})
    assert (found.accept, found.failing, found.fault) == (False, "core", "appears")
    assert verdict({WHOLE: FAIR, "core": nothing}, {WHOLE: better, "core": finding}).accept
    assert verdict({WHOLE: FAIR, "core": trace}, {WHOLE: better, "core": trace}).accept
    advice = advised({WHOLE: FAIR, "core": nothing}, {WHOLE: better, "core": trace})
    assert advice.decision == "keep-source"
    assert (kinds(advice)[0], advice.reasons[0].region) == (ReasonKind.APPEARS, "core")


def test_a_trace_that_wins_without_half_of_the_probability_is_seen_in_the_mask():
    before = np.zeros((40, 40, 40), np.uint8)
    before[10:20, 10:20, 10:20] = 2
    brain, better = case_of(before.shape), dataclasses.replace(FAIR, mirror=0.95, coherence=0.95)
    nothing = dataclasses.replace(FAIR, share=0.0)
    # Where every voxel's likeliest class has less than half, the signals know of none of it.
    evidence = {WHOLE: FAIR, "core": nothing}, {WHOLE: better, "core": nothing}
    for voxels, decision in ((0, "accept"), (3, "keep-source"), (7, "accept")):
        after = before.copy()
        after[12, 12, 12 : 12 + voxels] = 1
        advice = recommend(np.roll(before, 1, 0), after, brain, CARD, evidence)
        assert advice.decision == decision, voxels
        assert (kinds(advice)[0] == ReasonKind.APPEARS) == (decision != "accept")
    # What was there before does not appear.
    after[12, 12, 12:15] = 1
    with_core = before.copy()
    with_core[14, 14, 14] = 1
    assert recommend(with_core, after, brain, CARD, evidence).decision == "accept"


def test_what_is_left_of_a_shrunk_mask_is_sharper_and_that_says_nothing():
    sharp = dataclasses.replace(FAIR, share=0.02, border=3.0)
    for share in (0.02, 0.044):
        shrunk = dataclasses.replace(sharp, share=share)
        assert contributions(FAIR, shrunk, whole=True)["border"] == 0
    assert contributions(FAIR, dataclasses.replace(sharp, share=0.046), whole=True)["border"] > 0
    assert contributions(sharp, FAIR, whole=True)["border"] < 0


def test_a_class_that_is_found_in_full_may_lose_its_sharp_border_and_one_that_spreads_is_refused():
    core = dataclasses.replace(FAIR, share=0.002, border=3.5)
    found = dataclasses.replace(core, share=0.02, border=0.9, coherence=0.9, separation=0.35)
    assert verdict({WHOLE: FAIR, "core": core}, {WHOLE: FAIR, "core": found}).accept
    # It grows just as much and hangs together as well, but into what is not like it.
    spread = dataclasses.replace(found, separation=0.2)
    assert not verdict({WHOLE: FAIR, "core": core}, {WHOLE: FAIR, "core": spread}).accept
    advice = advised({WHOLE: FAIR, "core": core}, {WHOLE: FAIR, "core": spread})
    assert (kinds(advice)[0], advice.reasons[0].region) == (ReasonKind.SEPARATION, "core")


def test_a_region_that_neither_mask_has_decides_nothing():
    nothing = Signals(share=0, certainty=1, mirror=1, coherence=1, largest=1, border=0)
    better = dataclasses.replace(FAIR, border=1.5)
    with_it = verdict({WHOLE: FAIR, "core": nothing}, {WHOLE: better, "core": nothing})
    assert with_it.gain == verdict({WHOLE: FAIR}, {WHOLE: better}).gain


NONSENSE = dataclasses.replace(FAIR, share=0.35, border=1.2, one_sided=0.2)
LESION = dataclasses.replace(FAIR, share=0.02, border=1.6, coherence=0.78, one_sided=1.9)


def half_of_it():
    before, brain = masks()
    huge = np.full_like(before, 2)
    huge[:, 10:] = 0
    return huge, before, brain, CARD


def test_a_mask_larger_than_any_tumor_gives_way_to_one_of_what_stands_out():
    worse = dataclasses.replace(LESION, coherence=0.6, mirror=0.6)
    assert verdict(*whole(NONSENSE, worse)).accept
    assert not verdict(*whole(dataclasses.replace(NONSENSE, share=0.05), worse)).accept
    advice = recommend(*half_of_it(), whole(NONSENSE, LESION))
    assert advice.decision == "accept"
    assert kinds(advice)[:2] == [ReasonKind.SOURCE_TOO_LARGE, ReasonKind.STANDS_OUT]
    assert "(1.60 standard deviations) and from the other side (1.90)" in said(advice)[1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"one_sided": 0.9}, ReasonKind.FAINT),
        ({"one_sided": None}, ReasonKind.FAINT),
        ({"border": 1.1}, ReasonKind.FAINT),
        ({"share": 0.16}, ReasonKind.TOO_LARGE),
        ({"share": 4e-4}, ReasonKind.NEXT_TO_NOTHING),
    ],
)
def test_what_does_not_stand_out_or_is_no_tumors_either_is_not_worth_having(change, says):
    advice = recommend(*half_of_it(), whole(NONSENSE, dataclasses.replace(LESION, largest=0.5, **change)))
    assert advice.decision == "neither"
    assert kinds(advice)[:2] == [ReasonKind.SOURCE_TOO_LARGE, says]


FAINT = dataclasses.replace(LESION, border=0.7, one_sided=0.8, coherence=0.75, mirror=0.9, largest=0.95)


def test_a_faint_lesion_is_known_by_its_being_one_piece_on_one_side():
    advice = recommend(*half_of_it(), whole(NONSENSE, FAINT))
    assert advice.decision == "accept"
    assert kinds(advice)[1] == ReasonKind.ONE_PIECE
    assert "one piece (95%), and neighboring slices agree (Dice 0.75)" in said(advice)[1]


@pytest.mark.parametrize(
    "change",
    [{"one_sided": 0.6}, {"coherence": 0.6}, {"mirror": 0.7}, {"largest": 0.7}, {"coherence": 1.0}],
    ids=["on both sides", "from slice to slice", "mirrored", "in pieces", "a volume"],
)
def test_a_faint_mask_that_is_anything_less_is_refused(change):
    assert not verdict(*whole(NONSENSE, dataclasses.replace(FAINT, **change))).accept


def test_slices_that_have_nothing_to_do_with_each_other_are_no_lesion():
    assert verdict(*whole(NONSENSE, LESION)).accept
    assert not verdict(*whole(NONSENSE, dataclasses.replace(LESION, coherence=0.05))).accept


def test_a_contrast_that_was_left_cannot_be_made_up_for():
    assert verdict(*whole(NONSENSE, LESION), contrast="converted").accept
    assert not verdict(*whole(NONSENSE, LESION), contrast="unchanged").accept
    # A source mask that can be a lesion's is worth comparing with, whatever the contrast.
    better = dataclasses.replace(FAIR, mirror=0.95, coherence=0.95)
    assert verdict(*whole(FAIR, better), contrast="unchanged").accept
    advice = recommend(*half_of_it(), whole(NONSENSE, LESION), "unchanged")
    assert (advice.decision, kinds(advice)[0]) == ("neither", ReasonKind.CONTRAST_UNCHANGED)
    assert advice.signals["contrast"] == "unchanged"


def blob(shape=(6, 16, 16)):
    p = np.full(shape, 0.01, np.float32)
    p[1:5, 4:10, 4:10] = 0.99
    image = np.zeros((shape[0], 1, *shape[1:]), np.float32)
    image[:, :, 2:14, 2:14] = 1 + 0.1 * np.random.default_rng(0).normal(size=(6, 1, 12, 12))
    image[1:5, 0, 4:10, 4:10] += 2
    return p, image


def test_signals_of_a_lesion_that_is_there():
    p, image = blob()
    found = signals_of(p, image, p > 0.5, image[:, 0] != 0)
    assert found.mirror == 1
    assert found.largest == 1
    assert found.coherence == pytest.approx(2 * 3 / (4 + 4))
    assert found.border > 1
    assert found.share == pytest.approx(4 * 36 / (6 * 144))
    assert found.certainty > 0.9


def test_signals_of_a_scatter():
    p, image = blob()
    rng = np.random.default_rng(1)
    scatter = rng.permutation(p.ravel()).reshape(p.shape)
    found, good = (signals_of(each, image, None, image[:, 0] != 0) for each in (scatter, p))
    assert found.coherence < good.coherence / 2
    assert found.largest < good.largest / 2
    assert found.border < good.border / 2
    nothing = signals_of(np.zeros_like(p), image, np.zeros(p.shape, bool), image[:, 0] != 0)
    assert nothing.to_dict() == {
        "share": 0, "certainty": 1, "mirror": 1, "coherence": 1, "largest": 1, "border": 0,
    }  # fmt: skip


def test_gathering_tells_its_progress_and_mirrors_left_and_right(model, case):
    stack = SliceStack(case, slice_spec(model.card))
    *progress, found = gather(model.network, stack, model.card)
    total = int(stack.foreground.sum())
    assert progress[-1] == (total, total)
    assert list(found) == [WHOLE]
    assert 0.5 < found[WHOLE].mirror <= 1
    assert found[WHOLE].share > 0.01


class FourClasses(torch.nn.Module):
    """Probability of the classes 0 to 3 by place: columns 0-3, 4-7, 8-11 and 12-15."""

    def __init__(self, elsewhere=0.0):
        super().__init__()
        self.elsewhere = elsewhere

    def forward(self, x):
        place = torch.arange(x.shape[-1]) // 4
        return self.elsewhere + (
            20
            * torch.nn.functional.one_hot(place, 4)
            .T[None, :, None, :]
            .expand(len(x), -1, x.shape[-2], -1)
            .float()
        )


def test_each_smaller_region_has_figures_of_its_own():
    data = np.ones((16, 16, 3), np.float32)
    data[0, 0] = 0
    case = case_from_arrays("c", {"t1": data}, Grid(data.shape, np.eye(4)))
    card = ModelCard.of(
        channels=("t1",), labels={0: "background", 1: "core", 2: "edema", 4: "enhancing"},
        size=(16, 16), step=(1, 1), minimum=(1, 1),
        normalisation="none",
        regions={"WT": (1, 2, 4), "TC": (1, 4), "ET": (4,)},
    )  # fmt: skip
    *_, found = gather(FourClasses(), SliceStack(case, slice_spec(card)), card)
    assert list(found) == [WHOLE, "TC", "ET"]
    assert [found[name].share for name in found] == [count * 16 * 4 / 255 for count in (3, 2, 1)]
    assert found["TC"].largest == 0.5


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_a_channel_for_the_background_is_never_foreground(activation):
    data = np.ones((16, 16, 3), np.float32)
    data[0, 0] = 0
    case = case_from_arrays("c", {"t1": data}, Grid(data.shape, np.eye(4)))
    card = ModelCard.of(
        channels=("t1",), labels={0: "background", 1: "core", 2: "edema", 4: "enhancing"},
        activation=activation, size=(16, 16), step=(1, 1), minimum=(1, 1), normalisation="none",
    )  # fmt: skip
    *_, found = gather(FourClasses(-10.0), SliceStack(case, slice_spec(card)), card)
    assert found[WHOLE].share == 3 * 16 * 4 / 255


def test_where_the_source_model_finds_nothing_the_person_is_told_to_look():
    nothing = Signals(share=0.0, certainty=1, mirror=1, coherence=1, largest=1, border=0, separation=0)
    advice = advised(*whole(nothing, dataclasses.replace(FAIR, border=3.0)))
    assert advice.decision == "keep-source"
    assert kinds(advice)[0] == ReasonKind.NO_SOURCE
    assert "(5.0% of the head) yourself" in said(advice)[0]
