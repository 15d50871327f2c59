"""A Gaussian process for architectures, in NumPy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from kerasnas.history import History, TrialRecord
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.ranking import best_first, infeasibility, normal_scores, positions
from kerasnas.oracles.searchers.protocol import seen_keys
from kerasnas.oracles.space import Space, Values

LENGTHS = (1.0, 2.0, 4.0)
NOISE = 0.05
NOISES = (0.05, 0.1, 0.2, 0.4)
"""Noise to choose from where a choice among finished trials depends on it."""

DRAWS = 24


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
    def of(cls, space: Space, values: Sequence[Values]) -> Encoded:
        """Encodes configurations; an inactive number sits in the middle and differs as a choice."""
        rows = np.array([space.encode(v) for v in values]).reshape(len(values), len(space))
        numeric = np.array([d.numeric for d in space.domains], dtype=bool)
        depends = np.array([bool(d.conditions) for d in space.domains], dtype=bool)
        absent = np.isnan(rows)
        choices = np.where(absent, -1.0, rows)[:, ~numeric]
        switches = absent[:, numeric & depends].astype(float)
        return cls(np.hstack([choices, switches]), np.where(absent, 0.5, rows)[:, numeric])


@dataclass(frozen=True)
class GpSearcher:
    """Expected improvement under a Gaussian process on ranks, among mutations of the best trials.

    Sources: Snoek et al., *Practical Bayesian Optimization*, NeurIPS 2012, for the criterion;
    White et al., *BANANAS*, AAAI 2021, for candidates that minimally mutate the incumbents. Ranks
    go through normal scores, so outliers, units and failures do no harm.

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
        space: Space,
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
        scores = np.array(normal_scores(positions(known, objectives, constraints)))
        observed = Encoded.of(space, [t.values for t in known])
        gains = _expected_improvement(observed, scores, Encoded.of(space, fresh), rng)
        return fresh[int(np.argmax(gains))]

    def describe(self, space: Space) -> str:
        """The rule in a few words."""
        return "Gaussian process with a Hamming kernel"

    def _kept(self, history: History, ranked: list[TrialRecord]) -> list[TrialRecord]:
        """All finished trials in the order of their ends, or the best and the newest of many."""
        if len(history.finished) <= self.most:
            return history.finished
        half = self.most // 2
        numbers = {t.number for t in ranked[:half]} | {t.number for t in history.finished[-half:]}
        return [t for t in history.finished if t.number in numbers]


def posterior_order(
    space: Space,
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
    space: Space, ranked: list[TrialRecord], rng: np.random.Generator
) -> Iterator[Values]:
    """Of each of the top 5 trials 12 one-step and 6 two-step mutations, and 50 random points."""
    for record in ranked[:5]:
        for i in range(18):
            values = space.mutate(record.values, rng)
            yield values if i < 12 else space.mutate(values, rng)
    for _ in range(50):
        yield space.random(rng)


def _expected_improvement(
    observed: Encoded, scores: np.ndarray, candidates: Encoded, rng: np.random.Generator
) -> np.ndarray:
    """Expected improvement over the best score, under the most likely kernel."""
    kernel, factor, alpha = max(
        (_fit(kernel, observed, scores) for kernel in _kernels(observed, rng)),
        key=lambda fit: fit[0],
    )[1:]
    cross = kernel(candidates, observed)
    mean = cross @ alpha
    reduced = np.linalg.solve(factor, cross.T)
    spread = np.sqrt(np.maximum(1.0 - (reduced**2).sum(0), 1e-9))
    u = (mean - scores.max()) / spread
    normal = NormalDist()
    below = np.array([normal.cdf(x) for x in u])
    density = np.exp(-0.5 * u**2) / math.sqrt(2 * math.pi)
    return np.asarray(spread * (u * below + density))


def _kernels(observed: Encoded, rng: np.random.Generator) -> Iterator[Kernel]:
    """Kernels to choose from: three length scales of choices, random ones for numbers."""
    count = observed.numbers.shape[1]
    if not count:
        for length in LENGTHS:
            yield Kernel(length, np.empty(0), NOISE)
        return
    for i in range(DRAWS):
        scales = np.exp(rng.uniform(math.log(0.1), math.log(3.0), size=count))
        yield Kernel(LENGTHS[i % 3], scales, float(10 ** rng.uniform(-2.5, -0.3)))


def _fit(
    kernel: Kernel, observed: Encoded, scores: np.ndarray
) -> tuple[float, Kernel, np.ndarray, np.ndarray]:
    """Log marginal likelihood, kernel, Cholesky factor and weights."""
    covariance = kernel(observed, observed) + kernel.noise * np.eye(len(scores))
    factor = np.linalg.cholesky(covariance)
    alpha = np.linalg.solve(factor.T, np.linalg.solve(factor, scores))
    likelihood = -0.5 * float(scores @ alpha) - float(np.log(np.diag(factor)).sum())
    return likelihood, kernel, factor, alpha
