"""The masks of the networks that a run has led to, and which of them is used."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_osuda.errors import OsudaError
from napari_osuda.imaging import SliceStack
from napari_osuda.method import Adaptation
from napari_osuda.method.statistics import source_share
from napari_osuda.models import ModelCard
from napari_osuda.session.advice import Recommendation
from napari_osuda.session.events import Event, Progress, Stage
from napari_osuda.session.guard.estimate import fitted
from napari_osuda.session.guard.evidence import Candidate, CandidateName, each_as, gathered, looks_at
from napari_osuda.session.guard.final_masks import FinalMasks, collected
from napari_osuda.session.guard.recommendation import Judgment, judged
from napari_osuda.session.guard.statistics import SOURCE_SHARES, with_statistics
from napari_osuda.session.inference.outputs import Outputs, Way
from napari_osuda.session.job import CaseResult, Contrast, Job

__all__ = ["Choice", "Judging"]


@dataclass(frozen=True, eq=False)
class Choice:
    """What the guard has chosen among the candidates of a run.

    Attributes
    ----------
    name : {"curve", "mirror", "statistics", "earlier", "adapted"}
        The same for all cases: they share one network.
    network : nn.Module
        In eval mode.
    card : ModelCard
        By which its masks are made, but for the intensity maps of the run.
    refused : Recommendation or None
        What it says of the first case's mask after the last iteration, where that is not the one chosen.
    """

    name: CandidateName
    network: nn.Module
    card: ModelCard
    refused: Recommendation | None


class Judging:
    """Segments the cases by the network that the guard prefers, and says of each mask what to think of it.

    Parameters
    ----------
    job : Job
    source : nn.Module
        The source network, on the device that does the work.
    stacks, plain : sequence of SliceStack
        The cases as the adapted and as the source network see them.
    before : sequence of CaseResult
        The source model's masks; what is known of them is handed on.
    contrasts : sequence of {"converted", "unchanged", None}
        What became of each case whose images' names say that another contrast stands in for the model's.
    progress : callable
        Tells of a stage, work done and work in all.
    batches : re-iterable of Tensor
        The target domain, for its statistics.
    card : ModelCard, optional
        Of the adapted model, whose predictions may be averaged with those of the mirror image; the job's
        without it.
    pooled : re-iterable of Tensor, optional
        What of the target the statistics are pooled over; all without it.
    outputs : Outputs, optional
        What networks have put out for the cases.
    keep : callable, optional
        Keeps there what a network puts out for what its statistics are pooled over.
    """

    def __init__(
        self,
        job: Job,
        source: nn.Module,
        stacks: Sequence[SliceStack],
        plain: Sequence[SliceStack],
        before: Sequence[CaseResult],
        contrasts: Sequence[Contrast | None],
        progress: Callable[[Stage, int, int], Progress],
        batches: Iterable[Tensor] = (),
        card: ModelCard | None = None,
        pooled: Iterable[Tensor] | None = None,
        outputs: Outputs | None = None,
        keep: Callable[[nn.Module, Tensor], None] | None = None,
    ) -> None:
        self._job, self._source, self._contrasts = job, source, contrasts
        self._stacks, self._plain, self._before = stacks, plain, before
        self._progress, self._batches = progress, batches
        self._card = job.model.card if card is None else card
        # What is looked at is judged as the network marks it: the fitted figures are of such masks.
        averaged = {"mirror_averaging": self._card.mirror_averaging}
        self._seen = job.model.card.model_copy(update=averaged) if self._is_averaged else job.model.card
        self._pooled, self._outputs = pooled, Outputs() if outputs is None else outputs
        self._keep = keep
        self._final = FinalMasks(job, stacks, before, progress, self._outputs)
        self._mixes: list[nn.Module] | None = None
        self._made: dict[float, nn.Module] = {}

    def work(self, *, fallback: bool) -> tuple[int, int]:
        """How much the guard is going to do, as far as it is known before there is anything to judge.

        Parameters
        ----------
        fallback : bool
            Whether the adapted network's masks are compared with those of what came before it.

        Returns
        -------
        passes : int
            How often the statistics of all slices are gathered.
        looks : int
            How many slices, or windows of a volume, go through a network.
        """
        job, later = self._job, nn.Identity()
        names: tuple[CandidateName, ...] = ("adapted", "statistics") if fallback else ("adapted",)
        candidates = [Candidate(name, later) for name in names]
        if fallback and (self._is_mapped or self._is_averaged):
            candidates.append(Candidate("curve" if self._is_mapped else "mirror", self._source))
        mixes = [later] * len(SOURCE_SHARES)
        pairs = zip(self._plain, self._stacks, strict=True)
        looked = partial(looks_at, self._source, candidates, mixes, known=self._will_be_known)
        looks = sum(looked(plain, stack, job.model.card, self._seen) for plain, stack in pairs)
        shares = {*SOURCE_SHARES, self._usual_share} if fallback else SOURCE_SHARES
        return len(shares), looks

    def cases(self, network: nn.Module, *, trained: bool = True) -> Iterator[Event | CaseResult]:
        """Progress, and each case's result once it is there, for a network in eval mode on the device."""
        name: CandidateName = "adapted" if trained else "statistics"
        candidates = [Candidate(name, network)]
        judgments = None
        if self._job.config.guard and not self._is_source(network):
            judgments = yield from self._judgments(candidates)
        advice = [j[name].advice for j in judgments] if judgments else None
        yield from self._final.made(network, self._card, advice)

    def with_fallback(
        self, adaptation: Adaptation, stopping: Callable[[], bool], earlier: nn.Module | None = None
    ) -> Generator[Event, None, tuple[list[CaseResult], Choice]]:
        """The results of whichever candidate promises most: the adapted network, or what came before it.

        Every candidate is a network of its own: whatever ends this, the adapted one is as it was.

        Parameters
        ----------
        adaptation : Adaptation
            Finished.
        stopping : callable
            Whether to leave it at the adapted network.
        earlier : nn.Module, optional
            As it was after an earlier iteration, with the source's statistics still.

        Returns
        -------
        results : list of CaseResult
        choice : Choice

        Notes
        -----
        All cases have one network: the one whose accepted masks promise most, summed over the cases; of each
        other case the guard keeps the source's mask. Where nothing is accepted, the adapted network's masks
        are the ones that are shown beside it; behind an intensity map those that are expected to be best, as
        training on poor masks mostly makes them poorer (docs/defaults.md).
        """
        adapted = Candidate("adapted", adaptation.model)
        candidates = [adapted]
        if self._is_mapped:
            candidates.append(Candidate("curve", self._source))
        elif self._is_averaged:
            candidates.append(Candidate("mirror", self._source))
        try:
            begun: tuple[tuple[CandidateName, nn.Module | None], ...]
            begun = (("statistics", self._source), ("earlier", earlier))
            for name, network in begun:
                if network is not None and not stopping():
                    finished = yield from self._statistics(network, None, stopping)
                    if finished is not None and not stopping():
                        candidates.append(Candidate(name, finished))
        except (OsudaError, MemoryError, RuntimeError):
            # An attempt to do better, and no loss: what training led to is there.
            pass
        judgments = yield from self._judgments(candidates)
        chosen = max(candidates, key=lambda c: self._promise([j[c.name] for j in judgments]))
        advice = [j[chosen.name].advice for j in judgments]
        refused = judgments[0]["adapted"].advice
        if not any(j[chosen.name].gain for j in judgments) and self._may_look_again and not stopping():
            card = self._job.model.card.model_copy(update={"second_look": True})
            less = yield from self._final.looked_again(self._source, card, advice, fitted().useless)
            if less is not None:
                return less, Choice("pieces", self._source, card, refused)
        found = yield from collected(self._final.made(chosen.network, self._card, advice))
        return found, Choice(chosen.name, chosen.network, self._card, None if chosen is adapted else refused)

    def _will_be_known(self, network: nn.Module, stack: SliceStack, way: Way) -> NDArray[np.intp]:
        """What is kept by the time that there is something to judge: a guess, and mostly right."""
        if network is self._source:
            # Where there are no masks before yet, it will have made them by then.
            return np.arange(0) if self._before else np.flatnonzero(stack.foreground)
        pooled = [] if self._keep is None else getattr(self._pooled, "slices", [])
        return np.array([i for c, i in pooled if self._stacks[c].case is stack.case and stack.foreground[i]])

    def _promise(self, judgments: Sequence[Judgment]) -> tuple[float, float]:
        """What a candidate gains over all cases; among those without gain, what is expected of its masks."""
        promise = sum(judgment.promise for judgment in judgments) if self._is_mapped else 0.0
        return sum(judgment.gain for judgment in judgments), promise

    def _judgments(
        self, candidates: Sequence[Candidate]
    ) -> Generator[Event, None, list[dict[CandidateName, Judgment]]]:
        """Of each case, what becomes of it with each candidate."""
        mixes = yield from self._mixed()
        card, estimator = self._job.model.card, fitted()
        done, total = 0, 0
        for plain, stack in zip(self._plain, self._stacks, strict=True):
            known = self._outputs.known_slices
            total += looks_at(self._source, candidates, mixes, plain, stack, card, self._seen, known)

        def progress(parts_looked_at: int) -> Progress:
            nonlocal done
            done = min(done + parts_looked_at, total)
            return self._progress("guard", done, total)

        found = []
        for plain, stack, contrast in zip(self._plain, self._stacks, self._contrasts, strict=True):
            work = gathered(
                self._source, candidates, mixes, plain, stack, card, self._seen, outputs=self._outputs
            )
            evidence = yield from each_as(work, progress)
            found.append({c.name: judged(evidence, c.name, estimator, contrast) for c in candidates})
        return found

    def _mixed(self) -> Generator[Event, None, list[nn.Module]]:
        """The source network under mixes of statistics; none where it stores no statistics to be mixed."""
        if self._mixes is None:
            self._mixes = []
            try:
                for share in SOURCE_SHARES:
                    mix = yield from self._statistics(self._source, share, lambda: False)
                    if mix is not None:
                        self._mixes.append(mix)
            except (OsudaError, MemoryError, RuntimeError):
                # The other figures are there.
                pass
        return self._mixes

    def _statistics(
        self, network: nn.Module, share: float | None, stopping: Callable[[], bool]
    ) -> Generator[Event, None, nn.Module | None]:
        """A network with the target's statistics and a share of the source's; None as the settings say.

        Returns None where a stop is asked for. Of the source network each share is made once.
        """
        job = self._job
        known = network is self._source
        wanted = self._usual_share if share is None else share
        if known and wanted in self._made:
            return self._made[wanted]
        work = with_statistics(
            network, self._batches, job.config, job.model.card, share, stopping, self._pooled, self._keep
        )
        made = yield from each_as(work, lambda part: self._progress("statistics", *part))
        if known and made is not None:
            self._made[wanted] = made
        return made

    @cached_property
    def _usual_share(self) -> float:
        """Of the source, as the settings say."""
        return source_share(self._job.config, self._batches)

    @property
    def _may_look_again(self) -> bool:
        config, card = self._job.config, self._job.model.card
        return config.second_look and not card.second_look and not self._is_mapped and self._final.in_pieces()

    @property
    def _is_mapped(self) -> bool:
        """Whether the adapted model sees the cases through an intensity map."""
        return any(plain is not stack for plain, stack in zip(self._plain, self._stacks, strict=True))

    @property
    def _is_averaged(self) -> bool:
        """Whether its predictions are averaged with those of the mirror image, and the source's are not."""
        return self._card.mirror_averaging != self._job.model.card.mirror_averaging

    def _is_source(self, network: nn.Module) -> bool:
        return network is self._source and not self._is_mapped and not self._is_averaged
