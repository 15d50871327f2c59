"""Kernels over configurations: how alike two of them are, and the fit of a Gaussian process."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kerasnas.oracles.space import ValueSpace

LENGTHS = (1.0, 2.0, 4.0)
NOISE = 0.05
DRAWS = 24

AGREEMENTS = (0.0, 0.3, 0.6, 0.8, 0.9, 0.97)
"""How far short trainings may agree with full ones, to choose from by what both have shown."""

MANY = 50
"""Beyond so many numbers all of them share one length scale, and distances grow no further."""


FEW_VALUES = 16
"""Up to so many values of choices a product of matrices for each is faster than comparing cells."""


@dataclass(frozen=True)
class Kernel:
    """Hamming over choices times Matérn-5/2 over numbers, with one noise.

    Attributes:
        hamming: Length scale of the number of differing choices.
        scales: One length scale for each number, or one for all.
        noise: Variance on the diagonal.
        agreement: Correlation of a short training and a full one of the same configuration.
    """

    hamming: float
    scales: np.ndarray
    noise: float
    agreement: float = 1.0

    def __call__(self, gaps: Gaps) -> np.ndarray:
        """Covariances between all rows of two sets."""
        covariance = np.exp(-gaps.differing / self.hamming)
        if self.scales.size:
            r = np.sqrt(gaps.squared @ (5.0 / self.scales**2))
            covariance = covariance * (1.0 + r + r**2 / 3.0) * np.exp(-r)
        if self.agreement < 1.0:
            covariance = covariance * np.where(gaps.apart, self.agreement, 1.0)
        return np.asarray(covariance)


@dataclass(frozen=True)
class Encoded:
    """Configurations as rows.

    Attributes:
        choices: Choices by index, -1 when inactive.
        numbers: Numbers in [0, 1].
        short: Which rows are those of short trainings.
    """

    choices: np.ndarray
    numbers: np.ndarray
    short: np.ndarray

    @classmethod
    def of(cls, space: ValueSpace, encoded: Sequence[np.ndarray], short: int = 0) -> Encoded:
        """Parts `space.encode`; an inactive number sits in the middle and differs as a choice.

        The last rows, `short` of them, are those of short trainings.
        """
        rows = np.array(encoded).reshape(len(encoded), len(space))
        numeric = np.array([d.numeric for d in space.domains], dtype=bool)
        depends = np.array([bool(d.conditions) for d in space.domains], dtype=bool)
        absent = np.isnan(rows)
        choices = np.where(absent, -1.0, rows)[:, ~numeric]
        switches = absent[:, numeric & depends].astype(float)
        numbers = np.where(absent, 0.5, rows)[:, numeric]
        last = np.arange(len(rows)) >= len(rows) - short
        return cls(np.hstack([choices, switches]), numbers, last)

    def of_rows(self, rows: np.ndarray) -> Encoded:
        """Some of the configurations."""
        return Encoded(self.choices[rows], self.numbers[rows], self.short[rows])


@dataclass(frozen=True)
class Gaps:
    """How far all configurations of one set are from those of another.

    Attributes:
        differing: How many choices differ.
        squared: Squared differences of each number; of very many numbers, their sum.
        apart: Whether one of the two is a short training and the other a full one.
    """

    differing: np.ndarray
    squared: np.ndarray
    apart: np.ndarray

    @classmethod
    def between(cls, one: Encoded, other: Encoded) -> Gaps:
        """All gaps; more than `MANY` choices or numbers count as so many."""
        choices, numbers = one.choices.shape[1], one.numbers.shape[1]
        differing = _differing(one.choices, other.choices) * min(1.0, MANY / max(choices, 1))
        apart = one.short[:, None] != other.short
        if numbers <= MANY:
            squared = (one.numbers[:, None, :] - other.numbers[None, :, :]) ** 2
            return cls(differing, squared, apart)
        lengths = (one.numbers**2).sum(1)[:, None] + (other.numbers**2).sum(1)
        total = np.maximum(lengths - 2.0 * one.numbers @ other.numbers.T, 0.0)
        return cls(differing, total[:, :, None] * (MANY / numbers), apart)


def _differing(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How many columns differ between each row of one matrix and each row of another.

    Where few values occur, they are counted by a product of matrices for each value: for 200 rows
    of 500 columns that takes a sixth of the time of comparing all cells. Whole numbers below 2**24
    are exact in float32.
    """
    values = np.union1d(one, other)
    if len(values) > FEW_VALUES:
        return np.asarray((one[:, None, :] != other[None, :, :]).sum(-1))
    same = np.zeros((len(one), len(other)), dtype="float32")
    for value in values:
        same += (one == value).astype("float32") @ (other == value).astype("float32").T
    return np.asarray(one.shape[1] - same.astype("int64"))


def perturbed(kernel: Kernel, rng: np.random.Generator) -> Kernel:
    """A kernel near another one."""
    moved = np.exp(rng.normal(0.0, 0.4, size=len(kernel.scales)))
    noise = float(np.clip(kernel.noise * np.exp(rng.normal(0.0, 0.5)), 1e-5, 1.0))
    agreement = kernel.agreement
    if agreement < 1.0:
        agreement = float(np.clip(agreement + rng.normal(0.0, 0.15), 0.0, 0.98))
    return Kernel(kernel.hamming, np.clip(kernel.scales * moved, 0.05, 10.0), noise, agreement)


def kernel_choices(observed: Encoded, rng: np.random.Generator) -> Iterator[Kernel]:
    """Kernels to choose from: three length scales of choices, random ones for numbers."""
    numbers = observed.numbers.shape[1]
    agreements = AGREEMENTS if observed.short.any() else (1.0,)
    count = numbers if numbers <= MANY else 1
    if not count:
        for length in LENGTHS:
            yield Kernel(length, np.empty(0), NOISE)
        return
    for i in range(DRAWS):
        scales = np.exp(rng.uniform(math.log(0.1), math.log(3.0), size=count))
        noise = float(10 ** rng.uniform(-4.0, -0.3))
        yield Kernel(LENGTHS[i % 3], scales, noise, agreements[i % len(agreements)])


def fit_kernel(
    kernel: Kernel, gaps: Gaps, scores: np.ndarray
) -> tuple[float, Kernel, np.ndarray, np.ndarray]:
    """Log marginal likelihood, kernel, Cholesky factor and weights."""
    covariance = kernel(gaps) + kernel.noise * np.eye(len(scores))
    factor = np.linalg.cholesky(covariance)
    alpha = np.linalg.solve(covariance, scores)
    likelihood = -0.5 * float(scores @ alpha) - float(np.log(np.diag(factor)).sum())
    return likelihood, kernel, factor, alpha
