"""`distil` of the estimators of tables: a small estimator out of a large one."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Console

from kerasnas import artifact
from kerasnas.errors import BudgetError
from kerasnas.estimators.preparation import Prepared
from kerasnas.estimators.task import units_of
from kerasnas.objectives import Objective, violation
from kerasnas.problem import Scorer
from kerasnas.results.conformal import fit_conformal
from kerasnas.results.distillation import Lesson, distil
from kerasnas.results.leaderboard import rank_rows
from kerasnas.results.threshold import choose_threshold


def distilled(large: Any, prepared: Prepared, scorer: Scorer, seconds: float, seed: int) -> Any:
    """A fitted estimator of the same class whose model is one small network.

    Args:
        large: The fitted estimator, whose leaderboard gets a row.
        prepared: The rows that it was fitted on.
        scorer: Scores answers to their validation rows.
        seconds: Seconds for all of it.
        seed: Seed.

    Raises:
        BudgetError: If `seconds` is no positive number.
    """
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not 0 < seconds < math.inf:
        raise BudgetError(f"`seconds` must be a positive number, received {seconds!r}.")
    lesson = _lesson(large, prepared, scorer)
    found = distil(lesson, large.export_model(), large._answer_raw, seconds, seed)
    objectives = large.result_.objectives
    constraints = tuple(large.constraints)
    scores = {k: v for k, v in found.row.items() if isinstance(v, int | float)}
    found.row["feasible"] = violation(constraints, scores) == 0
    others = [row for row in large._rows if row["kind"] != "distilled"]
    large._rows = rank_rows([*others, found.row], objectives)

    small = type(large)(**large.get_params(deep=False))
    small._remember(large._reader, large._target)
    small.result_, small._rows = large.result_, large._rows
    small._held_out = large._held_out
    small.model_, small._threshold, small._conformal = found.model, None, None
    small._serve()
    if large._threshold is not None:
        small._threshold = choose_threshold(found.answers, lesson.scorer, objectives[0], seed)
    if large._conformal is not None:
        apart = prepared.rows.calibration
        answers = small._answer_raw({n: v[apart] for n, v in prepared.raw.items()})
        targets, classes = prepared.rows.targets[apart], prepared.rows.classes
        small._conformal = fit_conformal(answers, targets, large.intervals, classes)
        small.model_ = small._conformal.build(small.model_)
        small._serve()
    Console(stderr=True, highlight=False, quiet=not large.verbose).print(
        found.sentence, markup=False, soft_wrap=True
    )
    return small


def _lesson(large: Any, prepared: Prepared, scorer: Scorer) -> Lesson:
    rows = prepared.rows
    learn, check = rows.parts[0]
    if rows.folds:
        scorer = scorer.of(rows.folds[0][1])
    objective = large.result_.objectives[0]
    if objective.name.removeprefix("val_") not in scorer.names:
        objective = Objective("val_rmse" if rows.classes is None else "val_log_loss", "min")
    _, inputs = next(iter(large._reader.batches({n: v[:1] for n, v in prepared.raw.items()})))
    dtypes = artifact.input_dtypes(large.model_)
    example = {name: t[:1] for name, t in artifact.as_inputs(inputs, dtypes).items()}
    return Lesson(
        raw=prepared.raw,
        preprocessing=prepared.preprocessing,
        targets=rows.targets,
        weights=rows.weights,
        classes=rows.classes,
        units=units_of(rows),
        learn=learn,
        check=check,
        scorer=scorer,
        objective=objective,
        example=example,
        seen=bool(rows.folds) or bool(large.refit) or large.fitted_again,
    )
