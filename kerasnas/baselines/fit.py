"""The honest baselines of a problem: a constant, a linear model and trees on the same split."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from kerasnas.baselines.constant import constant_answers
from kerasnas.baselines.evidence import MOST_COLUMNS, Evidence
from kerasnas.baselines.linear import linear_answers
from kerasnas.baselines.trees import boosted, grown, tree_answers
from kerasnas.clock import Clock, Deadline, OutOfTime, Purpose, Stopwatch
from kerasnas.problem import AnswerScorer
from kerasnas.problem.heads import FittedHead, QuantilesHead
from kerasnas.problem.metrics import validated
from kerasnas.problem.rows import Rows

_FOREST_ROWS = 5_000  # training rows, up to which a forest is a baseline

NO_TIME = "no time left in the budget"


@dataclass(frozen=True, eq=False)
class Baselines:
    """Fitted baselines, scored on the validation rows.

    Attributes:
        rows: Rows of the leaderboard, each for all heads together.
        answers: Answers to the validation rows in the user's units, by name of the baseline.
        blocks: Number of the block of each validation row, where rows of one block are not
            independent of each other; `None` where all rows are.
    """

    rows: tuple[dict[str, Any], ...] = ()
    answers: Mapping[str, np.ndarray] = field(default_factory=dict)
    blocks: np.ndarray | None = None


def fit_baselines(
    evidence: Evidence | None,
    rows: Rows,
    scorer: AnswerScorer,
    clock: Clock,
    seed: int,
    purpose: Purpose = Purpose.TABLE_BASELINE,
) -> Baselines:
    """Fits and scores the baselines, each head by itself.

    Args:
        evidence: What classical models see of all rows; `None` where they see nothing.
        rows: Heads, targets, weights and split.
        scorer: Scores the validation rows.
        clock: The clock of the fit; a classical model is not started near its end, and one that
            would take more than a share of the time that is left is given up.
        seed: Seed of the search.
        purpose: Says how many seconds must be left, and which share of them a model may take.
    """
    fits: dict[str, Callable[[], np.ndarray]] = {
        name_of_constant(rows): lambda: constant_answers(rows)
    }
    if evidence is not None:
        fitting = _Fitting(evidence, rows, clock, seed, purpose)
        fits["linear"] = fitting.linear
        if evidence.columns is not None:
            fits["hist_gradient_boosting"] = partial(fitting.trees, boosted)
            if len(evidence.categorical) <= MOST_COLUMNS and _suits_forest(rows):
                fits["random_forest"] = partial(fitting.trees, grown)
    return scored(fits, scorer, clock, purpose)


def name_of_constant(rows: Rows) -> str:
    """What the constant answers with, where it is the same for all heads."""
    classes = {head.classes is not None for head in rows.heads.values()}
    return "constant" if len(classes) > 1 else "majority" if classes == {True} else "mean"


def _suits_forest(rows: Rows) -> bool:
    """Whether a forest is grown: few rows, on which it often is the best, and no quantiles."""
    quantiles = any(isinstance(head, QuantilesHead) for head in rows.heads.values())
    return bool(rows.folds) and len(rows.train) <= _FOREST_ROWS and not quantiles


class _Fitting:
    """Fits one model a head and a part of the split.

    Args:
        evidence: What classical models see of all rows.
        rows: Heads, targets, weights and split.
        clock: The clock of the fit.
        seed: Seed of the search.
        purpose: What the time is used for.
    """

    def __init__(
        self, evidence: Evidence, rows: Rows, clock: Clock, seed: int, purpose: Purpose
    ) -> None:
        self._evidence = evidence
        self._rows = rows
        self._clock = clock
        self._seed = seed
        self._purpose = purpose

    def linear(self) -> np.ndarray:
        """Answers of linear models, under the best of the penalties for each head."""
        strengths = self._evidence.strengths
        found = []
        for name, head in self._rows.heads.items():
            tried = strengths if head.labels(self._rows.encoded[name]) is not None else (1.0,)
            seconds = self._seconds(len(tried))
            options = [
                self._over_parts(linear_answers, name, head, seconds, strength=s) for s in tried
            ]
            found.append(min(options, key=lambda a, n=name: self._loss(n, a)))  # type: ignore[misc]
        return np.concatenate(found, axis=1)

    def trees(self, fit: Callable[..., Any]) -> np.ndarray:
        """Answers of boosting or of a forest."""
        seconds = self._seconds(1)
        answers = partial(tree_answers, fit)
        found = [
            self._over_parts(answers, name, head, seconds, seed=self._seed)
            for name, head in self._rows.heads.items()
        ]
        return np.concatenate(found, axis=1)

    def _seconds(self, models: int) -> float:
        """What one model on one part of the split may take."""
        rows = self._rows
        left = self._clock.allot(self._purpose).left
        return left / (models * len(rows.parts) * len(rows.heads))

    def _over_parts(
        self,
        fit: Callable[..., np.ndarray],
        name: str,
        head: FittedHead,
        seconds: float,
        **how: Any,
    ) -> np.ndarray:
        rows, evidence = self._rows, self._evidence
        encoded, weights = rows.encoded[name], rows.weights

        def deadline() -> Deadline:
            return self._clock.deadline.at_most(seconds)

        parts = [
            fit(evidence, head, encoded, weights, some, valid, deadline=deadline(), **how)
            for some, valid in ((evidence.sampled(train), valid) for train, valid in rows.parts)
        ]
        return rows.joined(parts)

    def _loss(self, name: str, answers: np.ndarray) -> float:
        """The loss of one head on the validation rows."""
        rows, head = self._rows, self._rows.heads[name]
        weights = None if rows.weights is None else rows.weights[rows.valid]
        score = head.scorer(rows.encoded[name][rows.valid], weights)
        return head.loss(score.some([head.scores[0]], answers))


def scored(
    fits: Mapping[str, Callable[[], np.ndarray]],
    scorer: AnswerScorer,
    clock: Clock,
    purpose: Purpose,
    free: int = 1,
) -> Baselines:
    """Fits and scores baselines.

    Args:
        fits: By name, what fits a baseline and answers the validation rows in the user's units.
        scorer: Scores the answers.
        clock: The clock of the fit.
        purpose: Says how many seconds must be left before a baseline is started.
        free: Baselines, the first ones, that cost nothing and are always fitted.
    """
    rows, answers = [], dict[str, np.ndarray]()
    for place, (name, fit) in enumerate(fits.items()):
        if place >= free and not clock.has_time(purpose):
            rows.append(baseline_row(name, {}, 0.0, NO_TIME))
            continue
        watch = Stopwatch()
        try:
            with warnings.catch_warnings():
                # A linear model that has not quite converged still is a baseline.
                warnings.simplefilter("ignore")
                answers[name] = fit()
            scores = validated(scorer(answers[name]))
            rows.append(baseline_row(name, scores, watch.seconds, ""))
        except (ValueError, OutOfTime) as error:
            rows.append(baseline_row(name, {}, watch.seconds, str(error)))
    return Baselines(tuple(rows), answers)


def baseline_row(
    name: str, metrics: Mapping[str, float], seconds: float, failure: str
) -> dict[str, Any]:
    """A row of the leaderboard for a model that is not a trial."""
    return {
        "trial_id": name,
        "kind": "baseline",
        "status": "FAILED" if failure else "COMPLETED",
        **metrics,
        "seconds": seconds,
        "feasible": not failure,
        "hyperparameters": {},
        "failure": failure,
    }
