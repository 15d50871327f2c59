"""A Gaussian process for architectures, in NumPy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

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
from kerasnas.oracles.searchers.protocol import Searcher, seen_keys
from kerasnas.oracles.space import Values, ValueSpace

LENGTHS = (1.0, 2.0, 4.0)
NOISE = 0.05
NOISES = (0.05, 0.1, 0.2, 0.4)
"""Noise to choose from where a choice among finished trials depends on it."""

DRAWS = 24
SPREADS = (0.01, 0.05, 0.2)
"""Standard deviations of steps from the best trials, in the unit interval."""

FINER = (0.05, 0.01)
"""The same for steps from the most promising candidate."""

STEPS = 24
"""Steps of the search for length scales."""


@dataclass(frozen=True)
class Kernel:
    """Hamming over choices times Matérn-5/2 over numbers, with one noise.

    Attributes:
        hamming: Length scale of the number of differing choices.
        scales: One length scale for each number.
        noise: Variance on the diagonal.
    """

    hamming: float
    scales: np.ndarray
    noise: float

    def __call__(self, one: Encoded, other: Encoded) -> np.ndarray:
        """Covariances between all rows of two sets."""
        differing = (one.choices[:, None, :] != other.choices[None, :, :]).sum(-1)
        covariance = np.exp(-differing / self.hamming)
        if self.scales.size:
            gaps = (one.numbers[:, None, :] - other.numbers[None, :, :]) / self.scales
            r = np.sqrt(5.0 * (gaps**2).sum(-1))
            covariance = covariance * (1.0 + r + r**2 / 3.0) * np.exp(-r)
        return np.asarray(covariance)


@dataclass(frozen=True)
class Encoded:
    """Configurations as rows: choices by index (-1 when inactive), numbers in [0, 1]."""

    choices: np.ndarray
    numbers: np.ndarray

    @classmethod
    def of(cls, space: ValueSpace, values: Sequence[Values]) -> Encoded:
        """Encodes configurations; an inactive number sits in the middle and differs as a choice."""
        rows = np.array([space.encode(v) for v in values]).reshape(len(values), len(space))
        numeric = np.array([d.numeric for d in space.domains], dtype=bool)
        depends = np.array([bool(d.conditions) for d in space.domains], dtype=bool)
        absent = np.isnan(rows)
        choices = np.where(absent, -1.0, rows)[:, ~numeric]
        switches = absent[:, numeric & depends].astype(float)
        return cls(np.hstack([choices, switches]), np.where(absent, 0.5, rows)[:, numeric])


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
    """

    startup: int = 10
    most: int = 200
    name: str = "gp"

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
        seen = seen_keys(space, history)
        candidates: dict[str, Values] = {}
        for values in _candidates(space, ranked, rng):
            candidates.setdefault(space.key(values), values)
        fresh = [v for k, v in candidates.items() if k not in seen]
        if not fresh:
            return space.random(rng)
        known = self._kept(history, ranked)
        numeric = any(d.numeric and d.tunable for d in space.domains)
        scores = _scores(known, objectives, constraints, by_value=numeric)
        observed = Encoded.of(space, [t.values for t in known])
        model = _best_model(observed, scores, rng)
        best = _most_promising(model, observed, scores, space, fresh)
        for spread in FINER if numeric else ():
            near = [_moved(space, best, spread, rng) for _ in range(20)]
            near = [v for v in near if space.key(v) not in seen]
            best = _most_promising(model, observed, scores, space, [best, *near])
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
    observed = Encoded.of(space, [t.values for t in known])
    kernels = [
        Kernel(k.hamming, k.scales, noise)
        for k in _kernels(observed, np.random.default_rng(0))
        for noise in NOISES
    ]
    fits = (_fit(kernel, observed, scores) for kernel in kernels)
    _, kernel, _, alpha = max(fits, key=lambda fit: fit[0])
    expected = kernel(observed, observed) @ alpha
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
        for record in ranked[:5]:
            for i in range(18):
                values = space.mutate(record.values, rng)
                yield values if i < 12 else space.mutate(values, rng)
        for _ in range(50):
            yield space.random(rng)
        return
    for record in ranked[:3]:
        for i in range(30):
            yield _moved(space, record.values, SPREADS[i % len(SPREADS)], rng)
    for _ in range(150):
        yield space.random(rng)


def _moved(space: ValueSpace, values: Values, spread: float, rng: np.random.Generator) -> Values:
    """Some hyperparameters moved, numbers by a normal step in the unit interval."""
    whole = space.repair(values, rng)
    tunable = [d for d in space.active(whole) if d.tunable]
    chosen = [d for d in tunable if rng.random() < 0.4] or [
        tunable[int(rng.integers(len(tunable)))]
    ]
    changed = dict(whole)
    for domain in chosen:
        if domain.numeric:
            place = domain.unit(whole[domain.name]) + float(rng.normal(0.0, spread))
            changed[domain.name] = domain.at_unit(place)
        else:
            changed[domain.name] = domain.sample(rng)
    return space.repair(changed, rng)


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


Model = tuple[Kernel, np.ndarray, np.ndarray]
"""A kernel with the Cholesky factor and the weights of what it was fitted to."""


def _best_model(observed: Encoded, scores: np.ndarray, rng: np.random.Generator) -> Model:
    """The most likely of several kernels; those with many length scales are improved in steps."""
    fits = [_fit(kernel, observed, scores) for kernel in _kernels(observed, rng)]
    best = max(fits, key=lambda fit: fit[0])
    if observed.numbers.shape[1]:
        for _ in range(STEPS):
            fit = _fit(_perturbed(best[1], rng), observed, scores)
            best = fit if fit[0] > best[0] else best
    return best[1:]


def _perturbed(kernel: Kernel, rng: np.random.Generator) -> Kernel:
    moved = np.exp(rng.normal(0.0, 0.4, size=len(kernel.scales)))
    noise = float(np.clip(kernel.noise * np.exp(rng.normal(0.0, 0.5)), 1e-5, 1.0))
    return Kernel(kernel.hamming, np.clip(kernel.scales * moved, 0.05, 10.0), noise)


def _most_promising(
    model: Model,
    observed: Encoded,
    scores: np.ndarray,
    space: ValueSpace,
    candidates: Sequence[Values],
) -> Values:
    """The candidate with the largest expected improvement over the best score."""
    kernel, factor, alpha = model
    cross = kernel(Encoded.of(space, candidates), observed)
    mean = cross @ alpha
    reduced = np.linalg.solve(factor, cross.T)
    spread = np.sqrt(np.maximum(1.0 - (reduced**2).sum(0), 1e-9))
    u = (mean - scores.max()) / spread
    normal = NormalDist()
    below = np.array([normal.cdf(x) for x in u])
    density = np.exp(-0.5 * u**2) / math.sqrt(2 * math.pi)
    return candidates[int(np.argmax(spread * (u * below + density)))]


def _kernels(observed: Encoded, rng: np.random.Generator) -> Iterator[Kernel]:
    """Kernels to choose from: three length scales of choices, random ones for numbers."""
    count = observed.numbers.shape[1]
    if not count:
        for length in LENGTHS:
            yield Kernel(length, np.empty(0), NOISE)
        return
    for i in range(DRAWS):
        scales = np.exp(rng.uniform(math.log(0.1), math.log(3.0), size=count))
        yield Kernel(LENGTHS[i % 3], scales, float(10 ** rng.uniform(-4.0, -0.3)))


def _fit(
    kernel: Kernel, observed: Encoded, scores: np.ndarray
) -> tuple[float, Kernel, np.ndarray, np.ndarray]:
    """Log marginal likelihood, kernel, Cholesky factor and weights."""
    covariance = kernel(observed, observed) + kernel.noise * np.eye(len(scores))
    factor = np.linalg.cholesky(covariance)
    alpha = np.linalg.solve(factor.T, np.linalg.solve(factor, scores))
    likelihood = -0.5 * float(scores @ alpha) - float(np.log(np.diag(factor)).sum())
    return likelihood, kernel, factor, alpha
