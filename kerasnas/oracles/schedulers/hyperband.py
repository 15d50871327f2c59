"""Successive halving in brackets: one kind of bracket, or Hyperband's several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kerasnas.history import History, TrialRecord
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.schedulers.halving import Halving, climb
from kerasnas.oracles.schedulers.protocol import Decision, Promote, Start
from kerasnas.oracles.schedulers.rungs import (
    MOST_KEPT,
    Result,
    bracket_sizes,
    ladder,
    standings,
    survivors,
)


@dataclass(frozen=True)
class Bracket:
    """One successive halving: so many configurations, started at so high a rung."""

    size: int
    first: int


@dataclass(frozen=True)
class HyperbandScheduler(Halving):
    """Brackets that start few configurations high or many low, one after the other, over and over.

    Source: Li et al., *Hyperband*, JMLR 2018, algorithm 1; n = ceil((S+1)/(s+1) eta^s)
    configurations in bracket s, of which 1/eta go on at each rung.

    No worker waits for a rung to fill. A trial is promoted as soon as those still outstanding can
    no longer push it out, which picks exactly the trials that waiting for all would have picked;
    until then workers start the next bracket. When nothing is left to start, trials that are out
    count as lost.

    Args:
        eta: Factor between rungs, and the inverse share that is promoted.
        least: Share of a full training at the lowest rung; default one epoch.
        fixed: All shares, instead of `eta` and `least`: their ratios are the factors.
        only: Only the first, widest bracket: successive halving.
        size: Configurations that this one bracket starts; default eta^S.
        epochs: Epochs of a full training, when known.
    """

    only: bool = False
    size: int | None = None
    name: str = "hyperband"

    @property
    def rungs(self) -> tuple[float, ...]:
        """The shares of a full training, ascending."""
        if self.fixed is not None:
            return self.fixed
        return ladder(self.eta, self.epochs, self.least)

    @property
    def brackets(self) -> tuple[Bracket, ...]:
        """The kinds of brackets in the order in which they are opened."""
        sizes = bracket_sizes(self.rungs)
        if self.only:
            return (Bracket(self.size or sizes[0], 0),)
        return tuple(Bracket(size, first) for first, size in enumerate(sizes))

    def next(
        self,
        history: History,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint] = (),
        *,
        may_start: bool = True,
    ) -> Decision:
        """A promotion that is certain, else a start, else a promotion by what is known."""
        rungs, kinds = self.rungs, self.brackets
        for waiting in (True, False):
            for bracket, members, rung in _open(history, kinds, len(rungs)):
                kind = kinds[bracket % len(kinds)]
                size = kind.size if may_start else min(kind.size, len(members))
                size -= sum(_at_once(t, len(rungs) - 1) for t in members)
                results = standings(history, rung, rungs[rung], objectives, constraints, bracket)
                start, here, above = rungs[kind.first], rungs[rung], rungs[rung + 1]
                out = survivors(size, here / start) - len(results) if waiting else 0
                chosen = _chosen(results, survivors(size, above / start), out, objectives)
                if chosen is not None:
                    return Promote(chosen.trial.number, rung + 1, rungs[rung + 1])
            if may_start:
                bracket = self._filling(history)
                first = kinds[bracket % len(kinds)].first
                return Start(first, rungs[first], bracket)
        return climb(history, rungs, objectives, constraints)

    def promotable(
        self,
        history: History,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint] = (),
        *,
        max_trials: int | None = None,
    ) -> set[int]:
        """Who is among the best of its rung by what has been seen of it, in open brackets."""
        rungs, kinds, kept = self.rungs, self.brackets, set()
        for bracket, _, rung in _open(history, kinds, len(rungs)):
            kind = kinds[bracket % len(kinds)]
            results = standings(history, rung, rungs[rung], objectives, constraints, bracket)
            room = max(1, survivors(kind.size, rungs[rung + 1] / rungs[kind.first]))
            best = results[: min(room, MOST_KEPT)]
            kept |= {r.trial.number for r in best if r.waits(objectives)}
        return kept

    def describe(self) -> str:
        """The rule in a few words."""
        sizes = ", ".join(str(b.size) for b in self.brackets)
        share = f"{100 * self.rungs[0]:.3g}"
        what = "successive halving" if self.only else "Hyperband"
        return f"{what} (brackets of {sizes}, the first from {share} % of a training on)"

    def _filling(self, history: History) -> int:
        """The bracket that new configurations go into."""
        kinds = self.brackets
        last = max((t.bracket for t in history.trials), default=0)
        members = sum(t.bracket == last for t in history.trials)
        return last if members < kinds[last % len(kinds)].size else last + 1


def _chosen(
    results: Sequence[Result], room: int, out: int, objectives: Sequence[Objective]
) -> Result | None:
    """The best of a rung that may go on, though so many results are still out."""
    gone = sum(r.trial.rung > r.execution.rung for r in results)
    for place, result in enumerate(results[:room]):
        if gone < room and place + out < room and result.waits(objectives):
            return result
    return None


def _at_once(trial: TrialRecord, top: int) -> bool:
    """Whether a trial was trained in full below the top: it takes no part in the halving."""
    return trial.status == "COMPLETED" and trial.rung < top


def _open(
    history: History, kinds: Sequence[Bracket], levels: int
) -> Iterator[tuple[int, list[TrialRecord], int]]:
    """Brackets, their trials and rungs below the top: oldest bracket, highest rung first."""
    members: dict[int, list[TrialRecord]] = {}
    for trial in history.trials:
        members.setdefault(trial.bracket, []).append(trial)
    for bracket, trials in sorted(members.items()):
        if any(t.status in ("RUNNING", "STOPPED") for t in trials):
            for rung in reversed(range(kinds[bracket % len(kinds)].first, levels - 1)):
                yield bracket, trials, rung


def successive_halving(
    eta: float = 3, least: float | None = None, size: int | None = None
) -> HyperbandScheduler:
    """Successive halving alone: every bracket starts at the lowest rung.

    Source: Jamieson and Talwalkar, *Non-stochastic Best Arm Identification and Hyperparameter
    Optimization*, AISTATS 2016.
    """
    return HyperbandScheduler(eta, least, only=True, size=size, name="halving")
