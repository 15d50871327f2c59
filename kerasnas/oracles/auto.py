"""The default strategy: what is known to work, chosen by the task, the space and the budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerasnas.clock import ALLOTMENTS, Margin, Purpose, amount
from kerasnas.history import History, TrialRecord
from kerasnas.objectives import Constraint, Objective, ObjectiveLike
from kerasnas.oracles.context import Context, ZeroCost
from kerasnas.oracles.oracle import Oracle
from kerasnas.oracles.ranking import is_sound, losses, pareto_first
from kerasnas.oracles.schedulers import ProveScheduler, VerifyScheduler
from kerasnas.oracles.searcher_view import at_fidelity
from kerasnas.oracles.searchers import Searcher
from kerasnas.oracles.searchers.by_trust import TrustSearcher
from kerasnas.oracles.searchers.gp import posterior_order
from kerasnas.oracles.searchers.mixed import SEVERAL, MixedSearcher, by_gaussian_process
from kerasnas.oracles.space import Values
from kerasnas.oracles.trust import PROOFS

NOTE = "zero_cost"
"""Name of the note that holds the configurations that zero-cost scores put first."""

PROXIES = ("synflow",)
"""Scores that order good architectures; the others only tell the hopeless ones."""

ENOUGH = 50
"""Full trainings that a budget must hold, else short ones are searched with first."""

LEAST_PROVED = 20
"""Full trainings that a budget must hold, for a search to go over to them: with so many a model of
full trainings ends ahead of one of short ones, even where their ranks agree
(`benchmarks/search.py`, made learning curves)."""

ZERO_COST = "zero-cost"
"""Origin of trials that zero-cost scores have chosen."""

REPEAT = "repeat"
"""Origin of trials that train a configuration again with another seed."""

REPEATED = 3
MOST_TOLD = 10**9
KEPT = 10
POOL = 100
MOST_POOL = 1000


class Auto(Oracle):
    """The default: known-good configurations, then a model that suits the space and the task.

    * Configurations that the space calls known-good are tried first, whatever else follows; where
      the space says so, after some of them in turn with steps from the best trials.
    * Spaces of architectures: of many random ones those with the best zero-cost scores come next,
      two of three trials, as long as they beat the others.
    * One objective, only choices: a Gaussian process, local search, evolution and a Parzen
      estimator, each as often as it succeeds.
    * One objective, numbers too: the Gaussian process alone; in larger spaces in turn with steps
      from the best trials.
    * Several objectives: a multi-objective Parzen estimator, then ageing NSGA-II.
    * From 20 trials on the last tenth of them trains the best three again with other seeds, where
      scores depend on the seed; among them the mean decides.
    * Where the budget holds fewer than 50 full trainings and short ones are on offer, these come
      first. With a budget of 20 or more, six of them are tested by full trainings, and full ones
      follow; sooner where the tests show that short trainings mislead. A smaller budget is searched
      with short ones; where 30 % of the time pays for five full trainings, these are the end of it.

    Args:
        objective: As in `kerasnas.oracles.Oracle`.
        max_trials: As there.
        seed: As there.
        startup: Random trials before the model takes over; known-good ones count.
        **settings: As there.
    """

    short_name = "auto"
    takes_portfolio = True

    def __init__(
        self,
        objective: ObjectiveLike | None = None,
        max_trials: int | None = None,
        seed: int | None = None,
        *,
        startup: int = 10,
        **settings: Any,
    ) -> None:
        searcher = MixedSearcher(startup=startup)
        super().__init__(objective, max_trials, seed, searcher=searcher, **settings)

    def _settle(self, context: Context) -> None:
        """Where time is short and short trainings are on offer, these are searched with."""
        super()._settle(context)
        self._ranked: Sequence[Values] = ()
        low = self._low
        if low is not None and self._proves:
            self.scheduler = ProveScheduler(low)
        elif low is not None:
            self.scheduler = VerifyScheduler(low, context.seconds, order=self._order)

    def _searcher_for(self, max_trials: int | None) -> Searcher:
        """The model; shown one fidelity where short trainings and full ones both are tried."""
        low = self._low
        if low is None or not self._proves:
            return super()._searcher_for(max_trials)
        return TrustSearcher(MixedSearcher(startup=PROOFS), low)

    @property
    def _low(self) -> float | None:
        """Share of a full training of the short ones to search with; `None` where there are none.

        The longest of which the budget pays for enough.
        """
        context, fidelities = self.context, self.context.fidelities
        seconds, full = context.seconds, context.full_seconds
        if len(fidelities) < 2 or len(self.objectives) > 1:
            return None
        if seconds is None or full is None or seconds >= ENOUGH * full:
            return None
        fitting = [f for f in fidelities[:-1] if seconds >= ENOUGH * full * f]
        return max(fitting, default=fidelities[0])

    @property
    def _proves(self) -> bool:
        """Whether the budget pays for full trainings that test the short ones."""
        seconds, full = self.context.seconds, self.context.full_seconds
        return seconds is not None and full is not None and seconds >= LEAST_PROVED * full

    def recommended(self, history: History | None = None) -> TrialRecord | None:
        """The trial whose configuration to go on with: the best full training.

        While there were short trainings only, the one that the model expects most of: a single
        short score is too noisy to choose by.

        Args:
            history: The history, or an earlier state of it.
        """
        history = history or self.history
        good = pareto_first(history.trials, self.objectives, self.constraints)
        whole = [t for t in good if t.reached >= 1 or len(self.scheduler.rungs) == 1]
        if not whole and good:
            whole = list(self._order(history, self.objectives, self.constraints))
        return next(iter(whole), None)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Values for the next trial; at the end the best ones once more."""
        again = self._to_repeat()
        if again is not None:
            return {"status": "RUNNING", "values": dict(again.values), "origin": REPEAT}
        return super().populate_space(trial_id)

    def ranked(self) -> Sequence[Values]:
        """The configurations that zero-cost scores put first; the first call scores the pool."""
        zero_cost = self.context.zero_cost
        if zero_cost is not None and self._pool and not self._ranked:
            self._ranked = self._rank_pool(zero_cost)
        return self._ranked

    def trusts_ranked(self) -> bool:
        """Two trials of three, as long as they have beaten the others at least half of the time.

        The others, at random where there is no model yet, keep the search from one corner.
        """
        trials = self.history.trials
        chosen = [t for t in trials if t.origin == ZERO_COST]
        others = [t for t in trials if t.origin != ZERO_COST]
        if 2 * len(others) < len(chosen):
            return False
        scores = [
            [losses(t, self.objectives)[0] for t in group if is_sound(t, self.objectives)]
            for group in (chosen, others)
        ]
        ahead = [mine < theirs for mine in scores[0] for theirs in scores[1]]
        return 2 * sum(ahead) >= len(ahead) - 1

    def describe(self) -> str:
        """The strategy in one line, for the log."""
        name, _, rest = super().describe().partition(": ")
        budget = self.context.seconds
        limits = [f"{self.max_trials} trials"] if self.max_trials is not None else []
        limits += [f"{budget:,.0f} seconds"] if budget is not None else []
        model = MixedSearcher().describe(self.space)
        rule = SEVERAL if len(self.objectives) > 1 else model
        if self._pool:
            best = f"the {self._kept} best of {self._pool} architectures by zero-cost scores"
            rule = f"{best}, then {rule}"
        rest = rest.replace(model, rule)
        size = self.space.size
        of = f", {size:,} configurations" if size is not None and size < MOST_TOLD else ""
        last = f"; the last {self._repeats} trials repeat the best" if self._repeats else ""
        several = f"{len(self.objectives)} objectives, " if len(self.objectives) > 1 else ""
        why = f"{several}{len(self.space)} hyperparameters{of}"
        if limits:
            why += f", {' and '.join(limits)}"
        return f"{name}: {rest}{last} ({why})"

    @property
    def _pool(self) -> int:
        """Random architectures to score: as many as a small share of the budget pays for.

        None where that would be too few to choose among, and for several objectives: no score
        knows of their trade-off.
        """
        zero_cost, seconds = self.context.zero_cost, self.context.seconds
        if zero_cost is None or len(self.objectives) > 1:
            return 0
        if seconds is not None:
            paid = int(
                ALLOTMENTS[Purpose.ZERO_COST].seconds(seconds)
                / (zero_cost.seconds or amount(Margin.BUILD_SECONDS))
            )
            return min(paid, MOST_POOL) if paid >= 2 * KEPT else 0
        if self.max_trials is None:
            return POOL
        return min(POOL, 2 * self.max_trials) if self.max_trials >= 2 * KEPT else 0

    @property
    def _kept(self) -> int:
        """How many of them are trained: never more than a third of all trials."""
        return KEPT if self.max_trials is None else max(1, min(KEPT, self.max_trials // 3))

    @property
    def _repeats(self) -> int:
        """Trials at the end that train the best once more, with another seed."""
        most = self.max_trials
        if not self.context.noisy or most is None or most < 20 or len(self.objectives) > 1:
            return 0
        return min(most // 10, 2 * REPEATED)

    def _to_repeat(self) -> TrialRecord | None:
        """The configuration to train again now, if it is time for that.

        The best few are chosen once, when the first repetition starts, and take turns.
        """
        done = len(self.history) - ((self.max_trials or 0) - self._repeats)
        if not self._repeats or done < 0:
            return None
        first = [t for t in self.history.trials if t.origin != REPEAT]
        best = pareto_first(first, self.objectives, self.constraints)[:REPEATED]
        return best[done % len(best)] if best else None

    def _rank_pool(self, zero_cost: ZeroCost) -> Sequence[Values]:
        note = self.history.notes.get(NOTE)
        if note is not None:
            return [dict(values) for values in note["first"]]
        space = self.space
        rng = np.random.default_rng([self.seed % 2**63, 2**32])
        pool: dict[str, Values] = {}
        for _ in range(2 * self._pool):
            values = space.random(rng)
            pool.setdefault(space.key(values), values)
            if len(pool) == self._pool:
                break
        candidates, scores = list(pool.values()), []
        begun, limit = self._spent(), self.context.seconds
        for values in candidates:
            scores.append(zero_cost.score(values))
            taken = self._spent() - begun
            if (
                zero_cost.seconds is None
                and limit is not None
                and taken > ALLOTMENTS[Purpose.ZERO_COST].seconds(limit)
            ):
                break
        order = rank(scores)
        first = [candidates[i] for i in order]
        # The more are kept here, the more are left when some of them break a constraint.
        ranked = first[: self._kept] if not self.constraints else first
        self.history.note(NOTE, {"first": ranked}, spent=self._spent())
        return ranked

    def _order(
        self,
        history: History,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint],
    ) -> Sequence[TrialRecord]:
        """Finished trials, those first that deserve a full training most."""
        seen = at_fidelity(history, self._low) if self._low is not None else history
        sound = [t for t in seen.finished if is_sound(t, objectives)]
        ranked = pareto_first(sound, objectives, constraints)
        if by_gaussian_process(self.space, objectives):
            ranked = posterior_order(self.space, sound, objectives, constraints)
        return [history.trials[t.number] for t in ranked]


def rank(scores: Sequence[Mapping[str, float]]) -> list[int]:
    """Indices of architectures by the sum of their ranks in `PROXIES`, the best first.

    One without a score takes the middle rank, one through which nothing flows the last. A pool that
    has none of these scores has no order: the first by the others are alike, and a search that
    begins among them stays there (`benchmarks/search.py`, NAS-Bench-201 on CIFAR-100).
    """
    names = [n for n in PROXIES if any(np.isfinite(s.get(n, np.nan)) for s in scores)]
    if not names:
        return []
    total = np.zeros(len(scores))
    for name in names:
        column = np.array([s.get(name, np.nan) for s in scores], dtype=float)
        known = ~np.isnan(column)
        place = np.full(len(column), 0.5)
        if known.any():
            order = np.argsort(np.argsort(column[known], kind="stable"), kind="stable")
            place[known] = (order + 0.5) / known.sum()
        total += place
    return [int(i) for i in np.argsort(-total, kind="stable")]
