"""Scores of the answers of several heads, which travel as one matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from kerasnas.errors import SearchSpaceError
from kerasnas.problem.heads import FittedHead
from kerasnas.problem.metrics import ClassColumns, Scorer, validated

LOSS = "loss"
"""The sum of the heads' losses, each weighed as the user says."""


@dataclass(frozen=True, eq=False)
class HeadsScorer:
    """Scores the answers of all heads, and their combination; has the members of `Scorer`.

    The answers of all heads are one matrix `(rows, sum of widths)`, in the order of the heads. With
    one head the names of scores have no prefix.

    Attributes:
        heads: Fitted heads by output.
        scorers: What scores each of them, by output.
        loss_weights: Weight of each head in the combined `loss`, by output.
    """

    heads: Mapping[str, FittedHead]
    scorers: Mapping[str, Scorer]
    loss_weights: Mapping[str, float]

    @property
    def rows(self) -> int:
        """Number of rows that are scored."""
        return self._first.rows

    @property
    def weights(self) -> np.ndarray | None:
        """Weight of each row, or `None`."""
        return self._first.weights

    @cached_property
    def columns(self) -> dict[str, slice]:
        """Where the answers of each head stand in the matrix, by output."""
        found, start = {}, 0
        for name, head in self.heads.items():
            found[name] = slice(start, start + head.width)
            start += head.width
        return found

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the scores, without the prefix `val_`."""
        own = [f"{self._prefix(h)}{n}" for h, scorer in self.scorers.items() for n in scorer.names]
        return (LOSS, *own)

    @property
    def class_columns(self) -> tuple[ClassColumns, ...]:
        """The columns of every head that one temperature can calibrate."""
        found = []
        for name, scorer in self.scorers.items():
            start = self.columns[name].start
            label = name if len(self.heads) > 1 else ""
            found += [
                replace(own, head=label, start=start + own.start, stop=start + own.stop)
                for own in scorer.class_columns
            ]
        return tuple(found)

    def __call__(self, predictions: np.ndarray) -> dict[str, float]:
        """Scores answers in the users' units: `loss`, then `output_score` for every head."""
        return self.some(self.names, predictions)

    def some(self, names: Sequence[str], predictions: np.ndarray) -> dict[str, float]:
        """The scores of these names only; NaN for a head with an answer that is not finite."""
        result = {LOSS: 0.0} if LOSS in names else {}
        for name, head in self.heads.items():
            prefix, scorer = self._prefix(name), self.scorers[name]
            wanted = [n for n in scorer.names if f"{prefix}{n}" in names]
            counts = [head.scores[0]] if LOSS in names and head.scores[0] not in wanted else []
            if not wanted and not counts:
                continue
            scores = scorer.some([*wanted, *counts], predictions[:, self.columns[name]])
            result.update({f"{prefix}{n}": scores[n] for n in wanted})
            if LOSS in names:
                result[LOSS] += self.loss_weights[name] * head.loss(scores)
        return result

    def combined(self, scores: Mapping[str, float]) -> float:
        """The sum of the heads' losses, from the scores of all heads by `output_score`.

        Raises:
            SearchSpaceError: If there is no score of a head.
        """
        total = 0.0
        for name, head in self.heads.items():
            prefix = self._prefix(name)
            own = {n: scores[f"{prefix}{n}"] for n in head.scores if f"{prefix}{n}" in scores}
            if head.scores[0] not in own:
                raise SearchSpaceError(
                    f"The loss of output `{name}` is your own, and is counted only during `fit`. "
                    "`evaluate` gives the scores of the other outputs."
                )
            total += self.loss_weights[name] * head.loss(own)
        return total

    def validation(self, predictions: Any) -> dict[str, float]:
        """Scores of a network's own answers, under the names that objectives use."""
        return validated(self(self.answers(predictions)))

    def of(self, rows: np.ndarray) -> Self:
        """The scorer of some of the rows."""
        return replace(self, scorers={name: s.of(rows) for name, s in self.scorers.items()})

    def answers(self, predictions: Any) -> np.ndarray:
        """A network's output, an array or arrays by output, as one matrix in the users' units."""
        by_output = predictions if isinstance(predictions, Mapping) else {self._only: predictions}
        parts = [
            scorer.answers(np.asarray(by_output[name])).reshape(-1, self.heads[name].width)
            for name, scorer in self.scorers.items()
        ]
        return np.concatenate(parts, axis=1)

    def joined(self, answers: Mapping[str, np.ndarray]) -> np.ndarray:
        """Answers in the users' units, by output, as one matrix."""
        return np.concatenate([np.asarray(answers[name]) for name in self.heads], axis=1)

    def _prefix(self, name: str) -> str:
        return f"{name}_" if len(self.heads) > 1 else ""

    @property
    def _only(self) -> str:
        (name,) = self.heads
        return name

    @property
    def _first(self) -> Scorer:
        return next(iter(self.scorers.values()))
