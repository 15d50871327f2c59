"""What answers for an estimator: the best trial, an ensemble, or what `refit` has trained."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from kerasnas.baselines import Baselines
from kerasnas.clock import Purpose
from kerasnas.estimators.task import Task
from kerasnas.history import TrialRecord
from kerasnas.problem import AnswerScorer, AnyProblem, Scorer, View
from kerasnas.results.again import Again
from kerasnas.results.decisions import Decisions, chosen_thresholds
from kerasnas.results.ensemble import CANDIDATES, Building, Wish, keeping_for
from kerasnas.results.examination import curves_of, examined
from kerasnas.results.fitted import Fitted
from kerasnas.results.fusion import fuse
from kerasnas.results.honesty import Comparison, compare, standard_error
from kerasnas.results.leaderboard import rank_rows
from kerasnas.results.mistakes import worst_answers
from kerasnas.results.origin import Origin
from kerasnas.results.refit import refit
from kerasnas.results.result import SearchResult
from kerasnas.results.traced import AnsweringBaseline, TracedModel
from kerasnas.spaces.method import Solve
from kerasnas.spaces.solved import LINEAR
from kerasnas.spaces.space import Space
from kerasnas.trial import Job, Keeping
from kerasnas.trial.candidates import read_answers
from kerasnas.trial.networks import hyperparameters
from kerasnas.trial.seeding import seed_of

log = logging.getLogger("kerasnas")


@dataclass(frozen=True, eq=False)
class Answer:
    """What answers, and how it answered the validation rows.

    Attributes:
        model: The exported model.
        members: Weights of the trials that it is made of, by their ids.
        held_out: Answers to the validation rows of what was scored; `None` unless every validation
            row was answered.
        rows: What the leaderboard says of it beside the trials.
        flattered: By how much choosing it on the validation rows made it look better there.
        simple: Whether it is a linear model that nothing beat beyond noise.
    """

    model: keras.Model
    members: Mapping[str, float]
    held_out: np.ndarray | None
    rows: Sequence[dict[str, Any]] = ()
    flattered: float = 0.0
    simple: bool = False


def keeping_of(wish: Wish, again: bool) -> Keeping:
    """What trials keep, so that an answer can be chosen from them."""
    if wish.size > 1:
        return keeping_for(wish, again)
    return Keeping(CANDIDATES)  # of their answers it is known how much choosing the best flatters


def choose_answer(
    result: SearchResult,
    scorer: AnswerScorer,
    wish: Wish,
    building: Building,
) -> Answer:
    """The ensemble, if it is better than the best trial on rows it was not chosen on; else that.

    A linear model that is not worse beyond noise answers instead of either.

    Args:
        result: The search, which is told how much choosing flatters.
        scorer: Scores answers to the validation rows.
        wish: The ensemble that was asked for.
        building: What the ensemble is built with.
    """
    result.scorer = scorer
    best = result.best_trial
    found = None
    if wish.size > 1:
        found = result.choose_ensemble(wish, building)
    if found is None:
        alone = len(result.history.scored()) == 1  # nothing was chosen then
        optimism = 0.0 if alone else result.flattery()
        result.optimism = {} if optimism is None else {best.trial_id: optimism}
        return replace(_of_trial(best, result, scorer), flattered=optimism or 0.0)
    loss = result.objectives[0].loss(best.scores)
    flattered = found.selection.single - loss
    result.optimism = {best.trial_id: flattered}
    if found.selection.better:
        flattered = found.selection.held_out - found.selection.loss
        chosen = Answer(found.model, found.selection.weights, found.answers, [found.row], flattered)
    else:
        chosen = replace(_of_trial(best, result, scorer), rows=[found.row], flattered=flattered)
    return _simple(chosen, result, scorer) or chosen


def _of_trial(trial: TrialRecord, result: SearchResult, scorer: AnswerScorer) -> Answer:
    """A trial as it was scored."""
    held_out = read_answers(result.folder, trial.trial_id)
    whole = held_out is not None and len(held_out) == scorer.rows
    return Answer(result.networks.model(trial), {trial.trial_id: 1.0}, held_out if whole else None)


def _simple(chosen: Answer, result: SearchResult, scorer: AnswerScorer) -> Answer | None:
    """The best linear model, where what was chosen is better than it within noise only.

    Of models whose scores differ by less than one standard error the simplest is taken (Breiman et
    al. 1984, section 3.4.3): what was chosen of many, and trained until it was best on these rows,
    is not as good as it looks. The gain counts after the bias of this choice is subtracted.
    """
    linear = [t for t in result.history.scored() if t.values.get("family") == LINEAR]
    bound = len(result.objectives) > 1 or result.constraints
    if bound or not linear or chosen.held_out is None or not isinstance(scorer, Scorer):
        return None
    objective = result.objectives[0]
    best = min(linear, key=lambda t: (objective.loss(t.scores), t.number))
    answers = read_answers(result.folder, best.trial_id)
    kept = result.networks.there(best.trial_id)
    if answers is None or len(answers) != scorer.rows or not kept:
        return None
    found = compare(chosen.held_out, {LINEAR: answers}, scorer, objective, result.seed)
    if found is None or found.gain - max(0.0, chosen.flattered) > found.error:
        return None
    simple = _of_trial(best, result, scorer)
    # It was there before anything was chosen, and answers whether it is the best trial or not.
    result.optimism[best.trial_id] = 0.0
    return replace(simple, rows=chosen.rows, simple=True)


def twins_of(result: SearchResult, task: Task, job: Job) -> Again:
    """Fits members that a solver fitted once more, on the validation rows too."""
    trials = {t.trial_id: t for t in result.history}
    return Again(
        trials, result.solved, task.hypermodel, job, task.problem.whole, result.member_seconds
    )


def fitted_on_all(answer: Answer, result: SearchResult, task: Task, job: Job) -> Answer:
    """A linear model that answers alone after folds is fitted once on all rows.

    It has one solution. More rows make it better than the mean over folds, whose score it keeps:
    the log loss on new rows fell from .0797 to .0780 on breast_cancer and from .0895 to .0785 on
    wine (means of six splits).
    """
    if len(answer.members) != 1 or not task.problem.rows.folds:
        return answer
    trial = next(t for t in result.history if t.trial_id in answer.members)
    hp, method = hyperparameters(trial), task.hypermodel.method(hyperparameters(trial))
    deadline = job.clock.deadline.minus(job.clock.kept(Purpose.ANSWER))
    if not isinstance(method, Solve) or not method.unique or deadline.left < trial.seconds:
        return answer
    solution = method.fit(task.problem.whole(hp), seed_of(job.seed, trial.number), deadline)
    if solution is None:
        return answer
    return replace(answer, model=job.view(hp).assemble(solution.network))


def train_again(
    answer: Answer, result: SearchResult, space: Space, job: Job, whole: Callable[[Any], View]
) -> Answer:
    """The same, trained on all rows; as it was where the time does not reach for all of it.

    Args:
        answer: What answers.
        result: The search.
        space: The search space.
        job: What the trials trained on.
        whole: From hyperparameters to the view with all rows among those to train on.
    """
    trials = {t.trial_id: t for t in result.history}
    models: list[keras.Model] = []
    row: dict[str, Any] = {}
    for trial_id in answer.members:
        trial = trials[trial_id]
        model, row = refit(trial, space, job, whole(hyperparameters(trial)))
        if model is None:
            return replace(answer, rows=[*answer.rows, row])
        models.append(model)
    model = models[0] if len(models) == 1 else fuse(models, list(answer.members.values()))
    return replace(answer, model=model, rows=[*answer.rows, row])


def as_fitted(
    kind: str,
    answer: Answer,
    result: SearchResult,
    problem: AnyProblem,
    baselines: Baselines,
    *,
    level: float | None = None,
    keep: bool = False,
) -> Fitted:
    """The answer with everything that follows from it: decisions, leaderboard, warnings.

    Args:
        kind: Name of the estimator's class.
        answer: What answers.
        result: The search, the rows of its baselines among it.
        problem: The data.
        baselines: What the answer is compared with.
        level: Probability of intervals or sets; `None` without them.
        keep: Whether the rows of `fit` are kept for later questions.
    """
    rows, scorer = problem.rows, problem.scorer()
    if answer.held_out is not None:
        error = standard_error(
            answer.held_out,
            scorer,
            result.objectives[0],
            result.seed,
            rows.parts,
            baselines.blocks,
        )
        result.errors = {} if error is None else {_chosen(answer): error}
    comparison = _compared(answer, result, scorer, baselines)
    decisions = _decisions(answer, result, scorer)
    curves = curves_of(result.history, result.objectives[0])
    reader = problem.reader_of(answer.model)
    kept: dict[str, Any] = {
        "mistakes": worst_answers(
            answer.held_out, scorer, decisions.threshold, problem.raw, reader, rows.valid
        ),
        "baselines": {name: AnsweringBaseline(one) for name, one in baselines.models.items()},
        "baseline_reader": baselines.reader,
        "scorer": scorer,
    }
    if keep:
        kept |= {"raw": problem.raw, "rows": rows, "reader_of": problem.reader_of}
    fitted = Fitted(
        kind=kind,
        traced=TracedModel(answer.model),
        reader=reader,
        target=problem.target,
        rows=[
            {**row, "answers": row["trial_id"] == _chosen(answer)}
            for row in rank_rows(result.rows(), result.objectives)
        ],
        decisions=decisions,
        objectives=result.objectives,
        chosen=_chosen(answer),
        comparison=comparison,
        examination=replace(examined(answer.held_out, scorer, decisions.threshold), curves=curves),
        origin=Origin(result, broken=problem.broken, **kept),
    )
    return fitted if level is None else fitted.calibrated(problem.raw, rows, level)


def _chosen(answer: Answer) -> str:
    """The row of the leaderboard that answers."""
    refitted = [r for r in answer.rows if r["kind"] == "refit" and r["status"] == "COMPLETED"]
    if refitted:
        return "refit"
    return "ensemble" if len(answer.members) > 1 else next(iter(answer.members))


def _compared(
    answer: Answer, result: SearchResult, scorer: AnswerScorer, baselines: Baselines
) -> Comparison | None:
    """The answer beside the best baseline, and a warning where that one is as good."""
    if answer.held_out is None:
        return None
    objective = result.objectives[0]
    found = compare(
        answer.held_out, baselines.answers, scorer, objective, result.seed, baselines.blocks
    )
    if found is not None and answer.flattered > 0:
        found = replace(found, gain=found.gain - answer.flattered)
    if found is not None and not found.beyond_noise:
        if answer.simple and found.baseline == LINEAR:
            log.warning("Nothing was better than a linear model beyond noise: that one answers.")
        else:
            log.warning(found.sentence(objective))
    return found


def _decisions(answer: Answer, result: SearchResult, scorer: AnswerScorer) -> Decisions:
    """The thresholds that the objective needs."""
    if answer.held_out is None:
        return Decisions()
    return chosen_thresholds(answer.held_out, scorer, result.objectives[0], result.seed)
