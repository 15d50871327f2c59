"""The honest baselines of a problem: a constant, a linear model and trees on the same split."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import keras
import numpy as np

from kerasnas.assembly import alone
from kerasnas.baselines.constant import constant_answers, constants_of
from kerasnas.baselines.evidence import MOST_COLUMNS, Evidence
from kerasnas.baselines.head_model import HeadLesson, HeadModel
from kerasnas.baselines.linear import fit_linear
from kerasnas.baselines.trees import boosted, fit_trees, grown
from kerasnas.clock import Clock, OutOfTime, Purpose, Stopwatch
from kerasnas.data import Reader
from kerasnas.problem import AnswerScorer
from kerasnas.problem.heads import QuantilesHead
from kerasnas.problem.metrics import validated
from kerasnas.problem.rows import Rows

_FOREST_ROWS = 5_000  # training rows, up to which a forest is a baseline

MOST_BYTES = 100_000_000
"""Of a baseline that is kept: TensorFlow alone takes several times as much memory."""

NO_TIME = "no time left in the budget"


@dataclass(frozen=True, eq=False)
class BaselineModel:
    """A fitted baseline, for rows that it has not seen. It holds no rows.

    Attributes:
        answer: From raw rows as the exported graph takes them, and what `front` makes of them, to
            answers in the structure of that graph's.
        front: Makes the model in front of it; `None` where it looks at raw rows alone.
        size_bytes: About how much memory it takes.
    """

    answer: Callable[[Any, Any], Any]
    front: Callable[[], keras.Model] | None = None
    size_bytes: int = 0


@dataclass(frozen=True, eq=False)
class Baselines:
    """Fitted baselines, scored on the validation rows.

    Attributes:
        rows: Rows of the leaderboard, each for all heads together.
        answers: Answers to the validation rows in the user's units, by name of the baseline.
        blocks: Number of the block of each validation row, where rows of one block are not
            independent of each other; `None` where all rows are.
        models: Those that can answer new rows, by name.
        reader: Reads new rows for them; `None` where the reader of the answer does.
    """

    rows: tuple[dict[str, Any], ...] = ()
    answers: Mapping[str, np.ndarray] = field(default_factory=dict)
    blocks: np.ndarray | None = None
    models: Mapping[str, BaselineModel] = field(default_factory=dict)
    reader: Reader | None = None


BaselineFit = Callable[[], tuple[np.ndarray, BaselineModel | None]]
"""Fits one baseline: its answers to the validation rows, and what answers others."""


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
    fitting = _Fitting(evidence, rows, clock, seed, purpose)
    fits: dict[str, BaselineFit] = {name_of_constant(rows): fitting.constant}
    if evidence is not None:
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


@dataclass(frozen=True, eq=False)
class _Fitting:
    """Fits one model a head and a part of the split.

    Attributes:
        evidence: What classical models see of all rows; `None` where they see nothing.
        rows: Heads, targets, weights and split.
        clock: The clock of the fit.
        seed: Seed of the search.
        purpose: What the time is used for.
    """

    evidence: Evidence | None
    rows: Rows
    clock: Clock
    seed: int
    purpose: Purpose

    def constant(self) -> tuple[np.ndarray, BaselineModel | None]:
        """Answers that are the same for every row of a part."""
        return constant_answers(self.rows), constant_model(self.rows)

    def linear(self) -> tuple[np.ndarray, BaselineModel | None]:
        """Answers of linear models, under the best of the penalties for each head."""
        assert self.evidence is not None, "linear models need features"
        strengths, found = self.evidence.strengths, {}
        for name, head in self.rows.heads.items():
            tried = strengths if head.labels(self.rows.encoded[name]) is not None else (1.0,)
            seconds = self._seconds(len(tried))
            options = [
                self._over_parts(partial(fit_linear, strength=s), name, seconds) for s in tried
            ]
            found[name] = min(options, key=lambda one, n=name: self._loss(n, one[0]))  # type: ignore[misc]
        return self._together(found)

    def trees(self, grow: Callable[..., Any]) -> tuple[np.ndarray, BaselineModel | None]:
        """Answers of boosting or of a forest."""
        seconds, fit = self._seconds(1), partial(fit_trees, grow, seed=self.seed)
        return self._together({n: self._over_parts(fit, n, seconds) for n in self.rows.heads})

    def _seconds(self, models: int) -> float:
        """What one model on one part of the split may take."""
        rows = self.rows
        left = self.clock.allot(self.purpose).left
        return left / (models * len(rows.parts) * len(rows.heads))

    def _over_parts(
        self, fit: Callable[[HeadLesson], HeadModel], name: str, seconds: float
    ) -> tuple[np.ndarray, list[HeadModel]]:
        """Answers to the validation rows of one head, and the model of each part."""
        rows, evidence = self.rows, self.evidence
        assert evidence is not None, "models need features"
        answers, models = [], []
        for train, valid in rows.parts:
            lesson = HeadLesson(
                evidence,
                rows.heads[name],
                rows.encoded[name],
                rows.weights_of(name),
                evidence.sampled(train),
                self.clock.deadline.at_most(seconds),
            )
            models.append(fit(lesson))
            answers.append(models[-1].answer(evidence, valid))
        return rows.joined(answers), models

    def _together(
        self, found: Mapping[str, tuple[np.ndarray, list[HeadModel]]]
    ) -> tuple[np.ndarray, BaselineModel | None]:
        """The answers of all heads side by side, and the model of all of them."""
        answers = np.concatenate([one for one, _ in found.values()], axis=1)
        evidence = self.evidence
        if evidence is None or evidence.of_new is None or evidence.front is None:
            return answers, None
        models = {name: ours for name, (_, ours) in found.items()}
        model = BaselineModel(
            partial(_answer, evidence.of_new, models),
            partial(alone, evidence.front),
            sum(model.size_bytes for ours in models.values() for model in ours),
        )
        return answers, model

    def _loss(self, name: str, answers: np.ndarray) -> float:
        """The loss of one head on the validation rows."""
        rows, head = self.rows, self.rows.heads[name]
        weights = rows.weights_of(name)
        kept = None if weights is None else weights[rows.valid]
        score = head.scorer(rows.encoded[name][rows.valid], kept)
        return head.loss(score.some([head.scores[0]], answers))


def _answer(
    of_new: Callable[[Any, Any], Evidence],
    models: Mapping[str, Sequence[HeadModel]],
    inputs: Any,
    data: Any,
) -> Any:
    """The mean answer of the models of all parts; of several heads a dict."""
    evidence, every = of_new(inputs, data), np.arange(count_of(inputs))
    found = {
        name: np.mean([model.answer(evidence, every) for model in ours], axis=0)
        for name, ours in models.items()
    }
    return found if len(found) > 1 else next(iter(found.values()))


def count_of(inputs: Any) -> int:
    """Number of raw rows as the exported graph takes them."""
    return len(keras.tree.flatten(inputs)[0])


def constant_model(rows: Rows) -> BaselineModel:
    """Answers every row with the mean of the constants of all parts."""
    parts = [constants_of(rows, train) for train, _ in rows.parts]
    means = {name: np.mean([part[name] for part in parts], axis=0) for name in rows.heads}

    def answer(inputs: Any, data: Any) -> Any:
        found = {name: np.tile(mean, (count_of(inputs), 1)) for name, mean in means.items()}
        return found if len(found) > 1 else next(iter(found.values()))

    return BaselineModel(answer)


def scored(
    fits: Mapping[str, BaselineFit],
    scorer: AnswerScorer,
    clock: Clock,
    purpose: Purpose,
    free: int = 1,
) -> Baselines:
    """Fits and scores baselines.

    Args:
        fits: By name, what fits a baseline and answers the validation rows in the user's units. A
            model that takes much memory is not kept.
        scorer: Scores the answers.
        clock: The clock of the fit.
        purpose: Says how many seconds must be left before a baseline is started.
        free: Baselines, the first ones, that cost nothing and are always fitted.
    """
    rows, answers, models = [], dict[str, np.ndarray](), dict[str, BaselineModel]()
    for place, (name, fit) in enumerate(fits.items()):
        if place >= free and not clock.has_time(purpose):
            rows.append(baseline_row(name, {}, 0.0, NO_TIME))
            continue
        watch = Stopwatch()
        try:
            with warnings.catch_warnings():
                # A linear model that has not quite converged still is a baseline.
                warnings.simplefilter("ignore")
                answers[name], model = fit()
            scores = validated(scorer(answers[name]))
            rows.append(baseline_row(name, scores, watch.seconds, ""))
            if model is not None and model.size_bytes <= MOST_BYTES:
                models[name] = model
        except (ValueError, OutOfTime) as error:
            rows.append(baseline_row(name, {}, watch.seconds, str(error)))
    return Baselines(tuple(rows), answers, models=models)


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
