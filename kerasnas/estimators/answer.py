"""What answers for an estimator: the best trial, an ensemble, or what `refit` has trained."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from kerasnas.clock import Deadline
from kerasnas.estimators.task import Task
from kerasnas.problem import AnswerScorer, Scorer
from kerasnas.results.again import Again
from kerasnas.results.ensemble import Twins, Wish, keeping_for, no_twins
from kerasnas.results.fitted import Decisions, Fitted, Origin, TracedModel
from kerasnas.results.fusion import fuse
from kerasnas.results.honesty import compare
from kerasnas.results.leaderboard import rank_rows
from kerasnas.results.refit import hyperparameters, refit
from kerasnas.results.result import SearchResult
from kerasnas.results.threshold import NEEDING, choose_threshold
from kerasnas.spaces.space import Space
from kerasnas.trial import Job, Keeping
from kerasnas.trial.candidates import read_answers

log = logging.getLogger("kerasnas")

RowsOf = Callable[[Any], tuple[Any, np.ndarray, np.ndarray | None]]
"""From hyperparameters to features, targets and weights of all rows."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What answers, and how it answered the validation rows.

    Attributes:
        model: The exported model.
        members: Weights of the trials that it is made of, by their ids.
        held_out: Answers to the validation rows of what was scored; `None` where there are none, or
            none to all of them.
        rows: What the leaderboard says of it beside the trials.
    """

    model: keras.Model
    members: Mapping[str, float]
    held_out: np.ndarray | None
    rows: Sequence[dict[str, Any]] = ()


def keeping_of(wish: Wish, again: bool) -> Keeping:
    """What trials keep, so that an answer can be chosen from them."""
    if wish.size > 1:
        return keeping_for(wish, again)
    return Keeping(2)  # with two candidates trials keep their answers


def choose_answer(
    result: SearchResult,
    scorer: AnswerScorer,
    wish: Wish,
    deadline: Deadline,
    probe: Any = None,
    again: Twins = no_twins,
) -> Answer:
    """The ensemble, if it is better than the best trial on rows it was not chosen on; else that.

    Args:
        result: The search, which is told how much choosing flatters.
        scorer: Scores answers to the validation rows.
        wish: The ensemble that was asked for.
        deadline: When the ensemble has to be built.
        probe: A few rows in the structure of the inputs, to measure the latency.
        again: Fits members once more; see `build_ensemble`.
    """
    result.scorer = scorer
    best = result.best_trial
    found = None
    if wish.size > 1:
        found = result.choose_ensemble(wish, deadline, result.member_seconds, probe, again)
    if found is not None:
        loss = result.objectives[0].loss(best.scores)
        result.optimism = {best.trial_id: found.selection.single - loss}
        if found.selection.better:
            return Answer(found.model, found.selection.weights, found.answers, [found.row])
    held_out = read_answers(result.folder, best.trial_id)
    whole = held_out is not None and len(held_out) == scorer.rows
    rows = [] if found is None else [found.row]
    model = result.models.get(best.trial_id)  # to read a file of many columns takes seconds
    model = result.best_model() if model is None else model
    result.models[best.trial_id] = model
    return Answer(model, {best.trial_id: 1.0}, held_out if whole else None, rows)


def twins_of(result: SearchResult, task: Task, job: Job) -> Again:
    """Fits members that a solver fitted once more, on the validation rows too."""
    trials = {t.trial_id: t for t in result.history}
    return Again(trials, result.solved, task.hypermodel, job, task.whole, result.member_seconds)


def train_again(
    answer: Answer, result: SearchResult, space: Space, job: Job, rows_of: RowsOf
) -> Answer:
    """The same, trained on all rows; as it was where the time does not reach for all of it.

    Args:
        answer: What answers.
        result: The search.
        space: The search space.
        job: What the trials trained on.
        rows_of: From hyperparameters to features, targets and weights of all rows.
    """
    trials = {t.trial_id: t for t in result.history}
    models: list[keras.Model] = []
    row: dict[str, Any] = {}
    for trial_id in answer.members:
        trial = trials[trial_id]
        model, row = refit(trial, space, job, *rows_of(hyperparameters(trial)))
        if model is None:
            return replace(answer, rows=[*answer.rows, row])
        models.append(model)
    model = models[0] if len(models) == 1 else fuse(models, list(answer.members.values()))
    return replace(answer, model=model, rows=[*answer.rows, row])


def settle(
    kind: str,
    answer: Answer,
    result: SearchResult,
    task: Task,
    *,
    level: float | None = None,
    keep: bool = False,
) -> Fitted:
    """The answer with everything that follows from it: decisions, leaderboard, warnings.

    Args:
        kind: Name of the estimator's class.
        answer: What answers.
        result: The search, its baselines among it.
        task: The data.
        level: Probability of intervals or sets; `None` without them.
        keep: Whether the rows of `fit` are kept for later questions.
    """
    scorer = task.scorer()
    kept = {"raw": task.raw, "rows": task.rows, "scorer": scorer} if keep else {}
    fitted = Fitted(
        kind=kind,
        traced=TracedModel(answer.model),
        reader=task.reader,
        target=task.target,
        decisions=_decisions(answer, result, task),
        rows=rank_rows(result.rows(), result.objectives),
        origin=Origin(result, broken=task.broken, **kept),
    )
    return fitted if level is None else fitted.calibrated(task.raw, task.rows, level)


def _decisions(answer: Answer, result: SearchResult, task: Task) -> Decisions:
    """A threshold, where the objective needs one; a warning, where a baseline is as good."""
    if answer.held_out is None:
        return Decisions()
    scorer, objective = task.scorer(), result.objectives[0]
    found = compare(answer.held_out, task.baseline_answers, scorer, objective, result.seed)
    if found is not None and not found.beyond_noise:
        log.warning(found.sentence(objective))
    binary = isinstance(scorer, Scorer) and scorer.classes == 2 and bool(scorer.class_columns)
    if binary and objective.name in NEEDING:
        assert isinstance(scorer, Scorer)
        return Decisions(choose_threshold(answer.held_out, scorer, objective, result.seed))
    return Decisions()
