"""Rows that do not fit into memory, for networks: encoded into a file once, read by batches."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from kerasnas.assembly import alone
from kerasnas.clock import Clock, Purpose, Stopwatch
from kerasnas.data.room import give_back, on_disk
from kerasnas.data.stored import StoredRows
from kerasnas.data.targets import ClassTarget, RegressionTarget
from kerasnas.estimators.loaded_tables import RestOfRows
from kerasnas.estimators.task import Task
from kerasnas.problem import Problem
from kerasnas.problem.inputs import Form
from kerasnas.results.traced import TracedModel
from kerasnas.spaces.networks import FAMILIES
from kerasnas.spaces.tabular import TabularHyperModel

log = logging.getLogger("kerasnas")


def can_stream(task: Task, rest: RestOfRows | None) -> bool:
    """Whether networks can be trained on the rows that were left in files.

    Not with folds, groups or weights: such rows are split and weighed together.
    """
    rows = task.problem.rows
    plain = not rows.folds and rows.weights is None
    target = isinstance(task.problem.target, ClassTarget | RegressionTarget)
    return rest is not None and bool(rest.target) and plain and target


def streamed(task: Task, rest: RestOfRows, clock: Clock) -> Task:
    """The task whose networks are trained on all rows; everything else sees those in memory.

    An epoch goes through as many rows as are trained on in memory, so that it takes as long; the
    next epoch goes through the next ones.

    Args:
        task: The task on the rows that were drawn.
        rest: All other rows.
        clock: The clock of the fit: without time to encode the rows, networks do without them.
    """
    problem, space = task.problem, task.hypermodel
    assert isinstance(problem, Problem) and isinstance(space, TabularHyperModel)
    made: list[Form] = []

    def form(hp: Any) -> Form:
        plain = problem.form(hp)
        if space.family(hp) not in FAMILIES:
            return plain
        if not made:
            made.append(replace(plain, streamed=_encoded(problem, plain, rest, clock)))
        return made[0]

    return replace(
        task,
        problem=replace(problem, form=form, front=lambda hp: problem.form(hp).front, _views={}),
    )


def _encoded(
    problem: Problem, form: Form, rest: RestOfRows, clock: Clock
) -> tuple[StoredRows, np.ndarray] | None:
    """The training rows and all rows of the rest, as networks take them; `None` without time."""
    train, left = problem.rows.train, clock.allot(Purpose.FORM).left
    at, seen, watch = len(train), 0, Stopwatch(clock.now)
    x = on_disk((at + rest.count, form.data.shape[1]), "float32")
    x[:at] = form.data[train]
    encode, targets = TracedModel(alone(form.front)), [problem.learnt()[train]]
    for frame in _as_in_fit(problem, rest).frames():
        known = frame[_usable(problem.target, frame[rest.target])]
        raw = problem.reader.read(known.drop(columns=rest.target))
        for index, inputs in problem.reader.batches(raw):
            x[at + index] = encode(inputs)[: len(index)]
        targets.append(problem.rows.head.learnt(problem.target.encode(known[rest.target])))
        at, seen = at + len(known), seen + len(frame)
        give_back(x)
        if watch.seconds * rest.count > left * seen:
            log.warning(
                "The budget has no time to read all rows for networks: they train on those in "
                "memory. Give it more time to use all of them."
            )
            return None
    unknown = rest.count - (at - len(train))
    if unknown:
        log.warning(
            "%d rows in files are not used: their targets are missing, or none of the rows in "
            "memory has them.",
            unknown,
        )
    return StoredRows(x[:at], epoch=len(train)), np.concatenate(targets)


def _as_in_fit(problem: Problem, rest: RestOfRows) -> RestOfRows:
    """The rest with those columns read as strings that held strings in the rows that were drawn."""
    reader: Any = problem.reader
    texts = [column.name for column in reader.schema.used if column.holds_strings]
    labels = rest.drawn.frame[rest.target]
    if not pd.api.types.is_numeric_dtype(labels):
        texts.append(rest.target)
    return replace(rest, table=rest.table.with_texts(texts))


def _usable(target: Any, values: pd.Series) -> np.ndarray:
    """Which targets are there and known."""
    known = values.isin(target.classes_) if isinstance(target, ClassTarget) else values.notna()
    return known.to_numpy()
