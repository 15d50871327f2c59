"""A Gaussian process for architectures, in NumPy."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np

from kerasnas.history import History, TrialRecord
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.ranking import (
    best_first,
    infeasibility,
    is_sound,
    losses,
    normal_scores,
    positions,
)
from kerasnas.oracles.searchers.kernel import (
    Encoded,
    Gaps,
    Kernel,
    fit_kernel,
    kernel_choices,
    perturbed,
)
from kerasnas.oracles.searchers.protocol import Searcher
from kerasnas.oracles.space import Values, ValueSpace

NOISES = (0.05, 0.1, 0.2, 0.4)
"""Noise to choose from where a choice among finished trials depends on it."""

SPREADS = (0.01, 0.05, 0.2)
"""Standard deviations of steps from the best trials, in the unit interval."""

FINER = (0.05, 0.01)
"""The same for steps from the most promising candidate."""

MOVED = 0.4
"""Share of the hyperparameters that such a step moves where there are not many."""

MOST_MOVED = 5
"""Hyperparameters that it moves in the mean where there are many."""

STEPS = 24
"""Steps of the search for length scales."""

ENOUGH_FULL = 2
"""Full trainings for each hyperparameter, from which on short ones are left out: then they have
nothing to add, and where curves cross they lead astray (`benchmarks/search.py`, made curves 0 and
1)."""

TEACHERS = 64
"""Most trials by which a kernel is chosen; more of them are in the model that it belongs to."""

ENTRIES = 8_000
"""Most values in all candidates together: with a thousand hyperparameters there are few."""


@dataclass(frozen=True)
class _Candidates:
    """Configurations to choose among, each once, and none that was tried."""

    values: list[Values]
    encoded: Encoded

    @classmethod
    def of(cls, space: ValueSpace, source: Iterable[Values], seen: set[bytes]) -> _Candidates:
        found: dict[bytes, tuple[Values, np.ndarray]] = {}
        for values in source:
            row = space.encode(values)
            if row.tobytes() not in seen:
                found.setdefault(row.tobytes(), (values, row))
        rows = [row for _, row in found.values()]
        return cls([values for values, _ in found.values()], Encoded.of(space, rows))


def _encoded(
    space: ValueSpace, trials: Sequence[TrialRecord], short: Sequence[TrialRecord] = ()
) -> Encoded:
    rows = [space.recorded(ValueSpace.encode, t.values) for t in (*trials, *short)]
    return Encoded.of(space, rows, len(short))


def _row_key(space: ValueSpace, values: Mapping[str, Any]) -> bytes:
    return space.recorded(ValueSpace.encode, values).tobytes()


@dataclass(frozen=True)
class GpSearcher(Searcher):
    """Expected improvement under a Gaussian process, among edits of the best trials.

    Sources: Snoek et al., *Practical Bayesian Optimization*, NeurIPS 2012, for the criterion;
    White et al., *BANANAS*, AAAI 2021, for candidates that minimally mutate the incumbents. On
    choices it learns normal scores of ranks, so that units, outliers and failures do no harm; where
    there are numbers, the values, cut off on the bad side.

    Args:
        startup: Random suggestions before the model takes over.
        most: Trials in the model: beyond it the better half of them are the best and the other
            half the newest.
        short: Short trainings, which count until full ones are `ENOUGH_FULL` times as many as there
            are hyperparameters. How far the two agree is one more number that is fitted, so that
            short trainings that mislead say nothing. Source: Bonilla et al., *Multi-task Gaussian
            Process Prediction*, NeurIPS 2007, for the covariance of two tasks.
    """

    startup: int = 10
    most: int = 200
    short: tuple[TrialRecord, ...] = ()
    name: str = "gp"

    def beside(self, short: Sequence[TrialRecord]) -> Searcher:
        """Learns from short trainings as well."""
        return replace(self, short=tuple(short))

    def suggest(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
    ) -> Values | None:
        """The unseen candidate with the largest expected improvement."""
        if len(history.finished) < self.startup:
            return space.random(rng)
        ranked = best_first(history.finished, objectives, constraints)
        seen = {space.recorded(_row_key, t.values) for t in history.trials}
        fresh = _Candidates.of(space, _candidates(space, ranked, rng), seen)
        if not fresh.values:
            return space.random(rng)
        known = self._kept(history, ranked)
        numeric = any(d.numeric and d.tunable for d in space.domains)
        full = _scores(known, objectives, constraints, by_value=numeric)
        short = self.short if len(known) < ENOUGH_FULL * len(space) else ()
        theirs = _beside(known, full, short, objectives, constraints, by_value=numeric)
        ended = _encoded(space, known, short)
        model = _best_model(ended, np.append(full, theirs), rng)
        # Running trials count as middling ones: the next proposal keeps away from them.
        running = history.running
        observed = _encoded(space, [*known, *running], short) if running else ended
        scores = np.concatenate([full, np.zeros(len(running)), theirs])
        if len(scores) > len(model[2]):
            model = fit_kernel(model[0], Gaps.between(observed, observed), scores)[1:]
        best = _most_promising(model, observed, full.max(), fresh)
        for spread in FINER if numeric else ():
            near = (_moved(space, best, spread, rng) for _ in range(_fewer(space, 20)))
            finer = _Candidates.of(space, itertools.chain([best], near), seen)
            best = _most_promising(model, observed, full.max(), finer)
        return best

    def describe(self, space: ValueSpace) -> str:
        """The rule in a few words."""
        if any(d.numeric for d in space.domains):
            return "Gaussian process with a Matérn kernel"
        return "Gaussian process with a Hamming kernel"

    def _kept(self, history: History, ranked: list[TrialRecord]) -> list[TrialRecord]:
        """All finished trials in the order of their ends, or the best and the newest of many."""
        if len(history.finished) <= self.most:
            return history.finished
        half = self.most // 2
        numbers = {t.number for t in ranked[:half]} | {t.number for t in history.finished[-half:]}
        return [t for t in history.finished if t.number in numbers]


def posterior_order(
    space: ValueSpace,
    known: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint] = (),
) -> list[TrialRecord]:
    """Finished trials by what the model expects of them, the best first.

    A score is one noisy look; what is known of similar configurations tells luck from quality.
    """
    if len(known) < 3:
        return best_first(known, objectives, constraints)
    scores = np.array(normal_scores(positions(known, objectives, constraints)))
    observed = _encoded(space, known)
    kernels = [
        Kernel(k.hamming, k.scales, noise)
        for k in kernel_choices(observed, np.random.default_rng(0))
        for noise in NOISES
    ]
    teachers, taught = _teachers(observed, scores)
    kernel = max((fit_kernel(k, teachers, taught) for k in kernels), key=lambda fit: fit[0])[1]
    gaps = Gaps.between(observed, observed)
    expected = kernel(gaps) @ fit_kernel(kernel, gaps, scores)[3]
    outside = [infeasibility(t, constraints) for t in known]
    order = sorted(range(len(known)), key=lambda i: (outside[i], -expected[i]))
    return [known[i] for i in order]


def _candidates(
    space: ValueSpace, ranked: list[TrialRecord], rng: np.random.Generator
) -> Iterator[Values]:
    """Configurations near the best ones, and random ones.

    Only choices: of each of the top 5 trials 12 one-step and 6 two-step mutations, and 50 random
    points. With numbers: of each of the top 3 trials 30 points around it, at distances from close
    to wide, and 150 random points.
    """
    if not any(d.numeric and d.tunable for d in space.domains):
        near = _fewer(space, 18)
        for record in ranked[:5]:
            whole = space.repair(record.values, rng)
            for i in range(near):
                values = space.step(whole, rng)
                yield values if 3 * i < 2 * near else space.step(values, rng)
        for _ in range(_fewer(space, 50)):
            yield space.random(rng)
        return
    for record in ranked[:3]:
        whole = space.repair(record.values, rng)
        for i in range(_fewer(space, 30)):
            yield _moved(space, whole, SPREADS[i % len(SPREADS)], rng)
    for _ in range(_fewer(space, 150)):
        yield space.random(rng)


def _fewer(space: ValueSpace, usual: int) -> int:
    """The usual number of candidates, or less where each of them has very many values."""
    return max(2, min(usual, usual * ENTRIES // (250 * len(space))))


def _moved(space: ValueSpace, whole: Values, spread: float, rng: np.random.Generator) -> Values:
    """Some values of valid ones moved, numbers by a normal step in the unit interval."""
    tunable = space.tunable(whole)
    drawn = rng.random(len(tunable)) < min(MOVED, MOST_MOVED / len(tunable))
    chosen = [d for d, moves in zip(tunable, drawn, strict=True) if moves]
    changed = {}
    for domain in chosen or [tunable[int(rng.integers(len(tunable)))]]:
        if domain.numeric:
            place = domain.unit(whole[domain.name]) + float(rng.normal(0.0, spread))
            changed[domain.name] = domain.at_unit(place)
        else:
            changed[domain.name] = domain.sample(rng)
    return space.edited(whole, changed, rng)


def _scores(
    trials: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint],
    *,
    by_value: bool,
) -> np.ndarray:
    """What the model learns, larger is better: normal scores of ranks, or the values themselves.

    On smooth ground the values tell how far there is to go, which ranks hide. What is worse than
    the median by more than the best is better than it counts as no worse: far from the optimum
    losses may be of any size. So do failures and what breaks a constraint.
    """
    place = positions(trials, objectives, constraints)
    good = [
        i
        for i, t in enumerate(trials)
        if is_sound(t, objectives) and infeasibility(t, constraints) == 0
    ]
    levels = {trials[i].reached for i in good}
    if not by_value or len(objectives) > 1 or len(levels) != 1 or len(good) < 3:
        return np.array(normal_scores(place))
    values = np.array([losses(trials[i], objectives)[0] for i in good])
    middle, least = float(np.median(values)), float(values.min())
    worst = middle + max(middle - least, 1e-12)
    all_values = np.full(len(trials), worst)
    all_values[good] = np.minimum(values, worst)
    width = float(all_values.std())
    if not math.isfinite(width) or width < 1e-12:
        return np.array(normal_scores(place))
    return (all_values.mean() - all_values) / width


def _beside(
    known: Sequence[TrialRecord],
    full: np.ndarray,
    short: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint],
    *,
    by_value: bool,
) -> np.ndarray:
    """Scores of short trainings, on the scale of the full ones.

    Those that were trained both ways tell where the zero of the scale is: they were chosen, so that
    they are better than others, and the full ones among themselves are middling.
    """
    if not short:
        return np.empty(0)
    scores = _scores(short, objectives, constraints, by_value=by_value)
    at = {t.number: score for t, score in zip(short, scores, strict=True)}
    both = [at[t.number] - s for t, s in zip(known, full, strict=True) if t.number in at]
    return np.asarray(scores - np.mean(both)) if both else scores


Model = tuple[Kernel, np.ndarray, np.ndarray]
"""A kernel with the Cholesky factor and the weights of what it was fitted to."""


def _best_model(observed: Encoded, scores: np.ndarray, rng: np.random.Generator) -> Model:
    """The most likely of several kernels; those with many length scales are improved in steps.

    The model is of the trials that the kernel was chosen by.
    """
    gaps, taught = _teachers(observed, scores)
    fits = [fit_kernel(kernel, gaps, taught) for kernel in kernel_choices(observed, rng)]
    best = max(fits, key=lambda fit: fit[0])
    if observed.numbers.shape[1]:
        for _ in range(STEPS):
            fit = fit_kernel(perturbed(best[1], rng), gaps, taught)
            best = fit if fit[0] > best[0] else best
    return best[1:]


def _teachers(observed: Encoded, scores: np.ndarray) -> tuple[Gaps, np.ndarray]:
    """The trials by which a kernel is chosen: half of many are the best, half the newest."""
    rows = np.arange(len(scores))
    if len(rows) > TEACHERS:
        best = np.argsort(-scores, kind="stable")[: TEACHERS // 2]
        rows = np.union1d(best, rows[-(TEACHERS // 2) :])
    few = observed.of_rows(rows)
    return Gaps.between(few, few), scores[rows]


def _most_promising(
    model: Model,
    observed: Encoded,
    reached: float,
    candidates: _Candidates,
) -> Values:
    """The candidate with the largest expected improvement over the best score so far."""
    kernel, factor, alpha = model
    cross = kernel(Gaps.between(candidates.encoded, observed))
    mean = cross @ alpha
    reduced = np.linalg.solve(factor, cross.T)
    spread = np.sqrt(np.maximum(1.0 - (reduced**2).sum(0), 1e-9))
    u = (mean - reached) / spread
    normal = NormalDist()
    below = np.array([normal.cdf(x) for x in u])
    density = np.exp(-0.5 * u**2) / math.sqrt(2 * math.pi)
    return candidates.values[int(np.argmax(spread * (u * below + density)))]
