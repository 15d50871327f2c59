"""`distil` of the estimators of tables: a small fitted model out of a large one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kerasnas import artifact
from kerasnas.clock import Deadline
from kerasnas.errors import BudgetError
from kerasnas.objectives import Constraint, Objective, violation
from kerasnas.preprocessing import fit_preprocessing
from kerasnas.results.decisions import Decisions
from kerasnas.results.distillation import Lesson, distil
from kerasnas.results.fitted import Fitted
from kerasnas.results.leaderboard import rank_rows
from kerasnas.results.origin import Origin
from kerasnas.results.threshold import choose_threshold
from kerasnas.results.traced import TracedModel


def distilled(
    large: Fitted,
    origin: Origin,
    seconds: float,
    seed: int,
    *,
    constraints: Sequence[Constraint] = (),
    seen: bool = False,
) -> tuple[Fitted, str]:
    """One small network that answers as a large model does.

    Args:
        large: The large model.
        origin: The rows that it was fitted on.
        seconds: Seconds for all of it.
        seed: Seed.
        constraints: What the user demands of a model.
        seen: Whether the large model has learnt from the validation rows.

    Returns:
        The small model, whose leaderboard is that of the large one with a further row; and a
        sentence that says what was given up.

    Raises:
        BudgetError: If `seconds` is no positive number.
    """
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not 0 < seconds < math.inf:
        raise BudgetError(f"`seconds` must be a positive number, received {seconds!r}.")
    lesson = _lesson(large, origin, seen)
    found = distil(lesson, large.model, large.answer_raw, Deadline.after(seconds), seed)
    objectives, rows = origin.result.objectives, origin.rows
    scores = {k: v for k, v in found.row.items() if isinstance(v, int | float)}
    found.row["feasible"] = violation(tuple(constraints), scores) == 0
    others = [row for row in large.rows if row["kind"] != "distilled"]
    threshold = None
    if large.decisions.threshold is not None:
        threshold = choose_threshold(found.answers, lesson.scorer, objectives[0], seed)
    small = replace(
        large,
        traced=TracedModel(found.model),
        decisions=Decisions(threshold),
        rows=rank_rows([*others, found.row], objectives),
    )
    if large.decisions.conformal is not None:
        small = small.calibrated(origin.raw, rows, large.decisions.conformal.level)
    return small, found.sentence


def _lesson(large: Fitted, origin: Origin, seen: bool) -> Lesson:
    reader: Any = large.reader
    rows, scorer = origin.rows, origin.scorer
    learn, check = rows.parts[0]
    if rows.folds:
        scorer = scorer.of(rows.folds[0][1])
    objective = origin.result.objectives[0]
    if objective.name.removeprefix("val_") not in scorer.names:
        objective = Objective("val_rmse" if rows.classes is None else "val_log_loss", "min")
    _, inputs = next(iter(reader.batches(reader.take(origin.raw, np.arange(1)))))
    example = artifact.as_inputs(inputs, large.traced.dtypes)
    return Lesson(
        raw=origin.raw,
        preprocessing=fit_preprocessing(reader.take(origin.raw, rows.train), reader.schema),
        targets=rows.targets,
        weights=rows.weights,
        classes=rows.classes,
        units=rows.head.units,
        learn=learn,
        check=check,
        scorer=scorer,
        objective=objective,
        example={name: tensor[:1] for name, tensor in example.items()},
        seen=seen or bool(rows.folds),
    )
