"""How far a score may be off by chance, and whether a winner beats the best baseline by more."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kerasnas.objectives import Objective
from kerasnas.problem import AnswerScorer

_RESAMPLES = 200
_MOST_ROWS = 20_000
_FEWEST_BLOCKS = 4  # blocks that are drawn; fewer say nothing of how they differ


@dataclass(frozen=True)
class Comparison:
    """The winner beside the best baseline, on the same validation rows.

    Attributes:
        baseline: Name of the best baseline.
        gain: By how much the winner is better, in the units of the objective.
        error: Standard error of the gain, over resamples of the rows in pairs.
    """

    baseline: str
    gain: float
    error: float

    @property
    def beyond_noise(self) -> bool:
        """Whether the gain is more than one standard error."""
        return self.gain > self.error

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any] | None) -> Comparison | None:
        """The comparison that `to_json` wrote; nothing for nothing."""
        if not content:
            return None
        return cls(str(content["baseline"]), float(content["gain"]), float(content["error"]))

    def sentence(self, objective: Objective) -> str:
        """What to tell the user."""
        how = "not better" if self.gain <= 0 else "better only within noise"
        return (
            f"The model is {how} than the baseline '{self.baseline}': `{objective.name}` differs "
            f"by {self.gain:.3g} with a standard error of {self.error:.3g}. A larger budget or "
            "more rows may help; else prefer the baseline."
        )


def compare(
    answers: np.ndarray,
    baselines: Mapping[str, np.ndarray],
    scorer: AnswerScorer,
    objective: Objective,
    seed: int,
    blocks: np.ndarray | None = None,
) -> Comparison | None:
    """Compares a winner with the best of the baselines.

    Args:
        answers: The winner's answers to the validation rows.
        baselines: Those of the baselines, by name.
        scorer: Scores them.
        objective: A metric of the scorer.
        seed: Seed of the resamples.
        blocks: Number of the block of each row, where rows of one block are not independent:
            blocks are drawn whole then. `None` draws rows.

    Returns:
        The comparison, `None` where there is no baseline or the objective is no metric.
    """
    name = objective.name.removeprefix("val_")
    if name not in scorer.names or not baselines:
        return None

    def loss(rows: np.ndarray, given: np.ndarray) -> float:
        return _loss(given, rows, scorer, objective)

    everything = np.arange(len(answers))
    losses = {key: loss(everything, given) for key, given in baselines.items()}
    best = min(losses, key=lambda key: losses[key])
    gain = losses[best] - loss(everything, answers)
    if not np.isfinite(gain):
        return None
    gains = [
        loss(rows, baselines[best]) - loss(rows, answers)
        for rows in _resamples(len(answers), seed, blocks)
    ]
    return Comparison(best, gain, _spread(gains, len(answers)))


def standard_error(
    answers: np.ndarray,
    scorer: AnswerScorer,
    objective: Objective,
    seed: int,
    parts: Sequence[tuple[Sized, Sized]],
    blocks: np.ndarray | None = None,
) -> float | None:
    """The standard error of a score: over resamples of the rows, and over training rows.

    A model that is trained on other rows has another score too, and models of folds share most of
    their rows. For both the variance grows by the number of validation rows for each training row,
    summed over the folds: 2.25 times for five folds (Nadeau and Bengio 2003, "Inference for the
    generalization error", section 3).

    Args:
        answers: Answers to the validation rows.
        scorer: Scores them.
        objective: A metric of the scorer.
        seed: Seed of the resamples.
        parts: Rows to train on and rows to validate on, of the one split or of each fold.
        blocks: As in `compare`.

    Returns:
        `None` where the objective is no metric.
    """
    if objective.name.removeprefix("val_") not in scorer.names:
        return None
    drawn = _resamples(len(answers), seed, blocks)
    by_rows = _spread([_loss(answers, rows, scorer, objective) for rows in drawn], len(answers))
    grown = 1.0 + sum(len(valid) / len(train) for train, valid in parts)
    return by_rows * math.sqrt(grown)


def _loss(
    answers: np.ndarray, rows: np.ndarray, scorer: AnswerScorer, objective: Objective
) -> float:
    name = objective.name.removeprefix("val_")
    return objective.loss({objective.name: scorer.of(rows).some([name], answers[rows])[name]})


def _resamples(count: int, seed: int, blocks: np.ndarray | None) -> Iterator[np.ndarray]:
    """Rows drawn with replacement, block by block where there are enough of these."""
    rng = np.random.default_rng([seed, 0xC0])
    members = None if blocks is None else [np.flatnonzero(blocks == b) for b in np.unique(blocks)]
    for _ in range(_RESAMPLES):
        if members is not None and len(members) >= _FEWEST_BLOCKS:
            drawn = rng.integers(0, len(members), len(members))
            yield np.concatenate([members[block] for block in drawn])
        else:
            yield rng.integers(0, count, min(count, _MOST_ROWS))


def _spread(values: Sequence[float], rows: int) -> float:
    """The standard deviation over resamples, in proportion where these have not all rows."""
    shrink = np.sqrt(min(rows, _MOST_ROWS) / rows)
    finite = np.array(values)[np.isfinite(values)]
    return float(np.std(finite) * shrink) if len(finite) else 0.0
