"""From a table of any kind to the task that trials train on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from kerasnas import assembly
from kerasnas.baselines import Baselines, fit_baselines, table_evidence
from kerasnas.clock import Clock
from kerasnas.data import (
    Schema,
    TableReader,
    check_same_length,
    infer_schema,
    ingest,
    own_numbers,
    split_target,
    to_frame,
    warn_of_schema,
)
from kerasnas.estimators.column_filter import FILTERED, filter_columns
from kerasnas.estimators.task import Task
from kerasnas.preprocessing import Preprocessing, fit_preprocessing, fit_tree_preprocessing
from kerasnas.problem import AnswerScorer, Features, Problem
from kerasnas.problem.rows import Rows, Validation, fit_target, parse_validation, settle_rows
from kerasnas.results.folds import SMALL_TABLE_ROWS
from kerasnas.searching import fingerprint
from kerasnas.spaces import tabular
from kerasnas.spaces.solved import front_of
from kerasnas.spaces.table import ColumnFilter
from kerasnas.spaces.tabular import Order
from kerasnas.trial.measure import latency

# Rows for each second of the budget from which time is short: they are too many for folds, and
# networks take most of it.
_HURRY = 30


@dataclass(frozen=True, eq=False)
class Prepared:
    """A checked table, split and turned into features.

    Attributes:
        schema: The columns.
        raw: Raw columns of all rows.
        rows: Targets, weights and split.
        preprocessing: Fitted on the training rows.
        matrix: Features of all rows.
        own: Numbers of all rows as the user has them, where float32 loses digits.
    """

    schema: Schema
    raw: Mapping[str, np.ndarray]
    rows: Rows
    preprocessing: Preprocessing
    matrix: np.ndarray
    own: Mapping[str, np.ndarray] = field(default_factory=dict)

    def baselines(self, scorer: AnswerScorer, clock: Clock, seed: int) -> Baselines:
        """Baseline rows of the leaderboard, on the split that trials are scored on."""
        front = self.preprocessing
        evidence = table_evidence(
            front.columns, self.raw, self.matrix, len(front.embedded), self.rows.train, self.own
        )
        return fit_baselines(evidence, self.rows, scorer, clock, seed)

    def task(
        self,
        families: Sequence[str],
        *,
        seed: int = 0,
        seconds: float | None = None,
        filter_seconds: float = 0.0,
    ) -> Task:
        """The task of trials of these families.

        Args:
            families: What is searched.
            seed: Seed of the filter of columns.
            seconds: The budget; where it is short for so many rows, networks are tried later.
            filter_seconds: Seconds that the filter may take; 0 for none.
        """
        front, rows = self.preprocessing, self.rows
        codes = None
        if filter_seconds or any(front_of(family) == "codes" for family in families):
            train = {name: values[rows.train] for name, values in self.raw.items()}
            codes = fit_tree_preprocessing(train, self.schema, front.probe)
        forms = TableForms(self, codes)
        useful: list[ColumnFilter] = []
        if filter_seconds and codes is not None:
            useful = filter_columns(front, codes, forms.codes, rows, seed, filter_seconds)
        hypermodel = tabular(
            front.width,
            rows.classes,
            embedded=tuple(front.embedded.values()),
            rows=len(rows.train),
            families=families,
            codes=len(codes.embedded) if codes is not None else 0,
            sample=self.matrix[rows.train],
            groups=front.owners[: front.width - len(front.embedded)],
            column_filter=useful[0] if useful else None,
            column_filters_of_folds=useful[1:],
            order=_order(len(rows.train), seconds),
        )
        return Task(
            problem=Problem(
                reader=TableReader(self.schema, dict(front.probe)),
                rows=rows,
                raw=self.raw,
                features=lambda hp: forms.of(hypermodel.family(hp)),
                identity=lambda: {
                    "columns": [[c.name, c.kind] for c in self.schema.columns],
                    "rows": [len(rows.train), len(rows.valid)],
                    "folds": len(rows.folds),
                    "data": fingerprint(self.matrix, rows.targets, rows.weights),
                    **({FILTERED: True} if useful else {}),
                },
            ),
            hypermodel=hypermodel,
            baselines=self.baselines,
        )


def _order(rows: int, seconds: float | None) -> Order:
    """Which known-good configurations come first: without a clock, what they take is no matter."""
    if seconds is None:
        return "simple_first" if rows <= SMALL_TABLE_ROWS else "learnt"
    if rows > _HURRY * seconds:
        return "hurried"
    return "simple_quick_first" if rows <= SMALL_TABLE_ROWS else "quick_first"


class TableForms:
    """The forms in which families see a table, each made when it is first asked for.

    Args:
        prepared: The table.
        codes: The front end of trees, or `None` without them.
    """

    def __init__(self, prepared: Prepared, codes: Preprocessing | None) -> None:
        self._prepared = prepared
        self._codes = codes
        self._made: dict[str, Features] = {}

    def of(self, family: str) -> Features:
        """The form of a family."""
        form = front_of(family)
        if form not in self._made:
            self._made[form] = self._make(form)
        return self._made[form]

    @property
    def codes(self) -> np.ndarray:
        """All rows in the form that trees see."""
        if "codes" not in self._made:
            self._made["codes"] = self._make("codes")
        return self._made["codes"].data

    def _make(self, form: str) -> Features:
        front, raw = self._prepared.preprocessing, self._prepared.raw
        if form == "codes":
            assert self._codes is not None, "trees have a front end of their own"
            front = self._codes
        one = [t[:1] for t in front.tensors({name: v[:1] for name, v in raw.items()})]
        return Features(
            data=front.transform(raw) if form == "codes" else self._prepared.matrix,
            assemble=lambda network, units: assembly.assemble(front, network, units),
            latency_ms=cache(lambda: latency(front.model, one)["latency_ms"]),
        )


def prepare(
    x: Any,
    y: Any,
    *,
    classify: bool,
    seed: int,
    column_kinds: Mapping[str, str] | None = None,
    validation_data: Any = None,
    **split: Any,
) -> Prepared:
    """Checks everything that can be wrong with a table, before any training.

    Args:
        x: Table of any kind that `data.to_frame` reads.
        y: Targets, or the name of a column of `x`.
        classify: Whether targets are classes.
        seed: Seed of the split.
        column_kinds: Kinds of columns that are not to be guessed.
        validation_data: `(x, y)` or `(x, y, weights)`; without it rows are held out.
        **split: Further arguments of `settle_rows`.
    """
    x, y = split_target(x, y)
    frame, named = to_frame(x)
    if y is not None:
        check_same_length(frame, y)
    target = fit_target(y, classify=classify)
    validation = parse_validation(validation_data)
    if validation is not None:
        apart = split_target(validation.x, validation.y)
        validation = Validation(*apart, validation.weights)
    seen = None if y is None else target.encode(y)
    schema = infer_schema(frame, column_kinds, named=named, target=seen)
    warn_of_schema(schema, stacklevel=5)
    raw = ingest(frame, schema, named=named)
    own = own_numbers(frame, schema)
    if validation is not None:
        further, further_named = to_frame(validation.x)
        check_same_length(further, validation.y, "validation_data[1]")
        extra = ingest(further, schema, named=further_named)
        more = own_numbers(further, schema)
        own = {name: np.concatenate([values, more[name]]) for name, values in own.items()}
        raw = {name: np.concatenate([values, extra[name]]) for name, values in raw.items()}
    rows = settle_rows(
        y,
        len(frame),
        target,
        seed=seed,
        validation=validation,
        **split,
    )
    preprocessing = fit_preprocessing({n: v[rows.train] for n, v in raw.items()}, schema)
    return Prepared(schema, raw, rows, preprocessing, preprocessing.transform(raw), own)
