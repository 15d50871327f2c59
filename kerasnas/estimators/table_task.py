"""From a table of any kind to the task that trials train on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from kerasnas.baselines import Baselines, evidence_of, fit_baselines
from kerasnas.clock import Clock
from kerasnas.data import split_target
from kerasnas.data.fingerprint import fingerprint
from kerasnas.estimators.column_filter import FILTERED, filter_columns
from kerasnas.estimators.feature_cache import forms_of
from kerasnas.estimators.folds import SMALL_TABLE_ROWS
from kerasnas.estimators.preparation import read_rows
from kerasnas.estimators.task import Task
from kerasnas.problem import AnswerScorer, Problem
from kerasnas.problem.given import Given
from kerasnas.problem.inputs import FittedTable, TableInput
from kerasnas.problem.rows import Rows, fit_target
from kerasnas.spaces import tabular
from kerasnas.spaces.solved import front_of
from kerasnas.spaces.table import ColumnFilter
from kerasnas.spaces.tabular import Order

# Rows for each second of the budget from which time is short: they are too many for folds, and
# networks take most of it.
_HURRY = 30
_MANY_CLASSES = 8  # boosting has a tree for each of them in every iteration


@dataclass(frozen=True, eq=False)
class PreparedTable:
    """A checked table, split and turned into features.

    Attributes:
        table: The table, fitted on the training rows.
        rows: Targets, weights and split.
    """

    table: FittedTable
    rows: Rows

    def baselines(self, scorer: AnswerScorer, clock: Clock, seed: int) -> Baselines:
        """Baseline rows of the leaderboard, on the split that trials are scored on."""
        evidence = evidence_of(self.table, self.table.form(), self.rows.train)
        found = fit_baselines(evidence, self.rows, scorer, clock, seed)
        return replace(found, reader=replace(self.table.reader, whole=True))

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
        table, rows = self.table, self.rows
        front = table.preprocessing
        if rows.multilabel or (rows.classes is None and rows.head.width > 1):
            filter_seconds = 0.0  # the filter looks at one target
        trees = filter_seconds > 0 or any(front_of(family) == "codes" for family in families)
        codes = table.codes if trees else None
        form_of = cache(forms_of(table))  # each is made when it is first asked for
        useful: list[ColumnFilter] = []
        if filter_seconds and codes is not None:
            matrix = form_of("codes").data
            useful = filter_columns(front, codes, matrix, rows, seed, filter_seconds)
        hypermodel = tabular(
            front.width,
            rows.classes,
            embedded=tuple(front.embedded.values()),
            rows=len(rows.train),
            families=families,
            codes=len(codes.embedded) if codes is not None else 0,
            sample=table.matrix[rows.train],
            groups=front.owners[: front.width - len(front.embedded)],
            column_filter=useful[0] if useful else None,
            column_filters_of_folds=useful[1:],
            order=_order(len(rows.train), seconds, rows.classes),
            outputs=rows.head.width if rows.classes is None else 1,
            multilabel=rows.multilabel,
        )
        return Task(
            problem=Problem(
                reader=table.reader,
                rows=rows,
                raw=table.raw,
                form=lambda hp: form_of(front_of(hypermodel.family(hp))),
                contents=lambda: {
                    "columns": [[c.name, c.kind] for c in table.schema.columns],
                    "rows": [len(rows.train), len(rows.valid)],
                    "folds": len(rows.folds),
                    "data": fingerprint(table.matrix, rows.targets, rows.weights),
                    **({FILTERED: True} if useful else {}),
                },
            ),
            hypermodel=hypermodel,
            baselines=self.baselines,
        )


def _order(rows: int, seconds: float | None, classes: int | None = None) -> Order:
    """Which known-good configurations come first: without a clock, what they take is no matter."""
    if seconds is None:
        return "simple_first" if rows <= SMALL_TABLE_ROWS else "learnt"
    if classes is not None and classes >= _MANY_CLASSES and rows > SMALL_TABLE_ROWS:
        return "many_classes"
    if rows > _HURRY * seconds:
        return "hurried"
    return "simple_quick_first" if rows <= SMALL_TABLE_ROWS else "quick_first"


def prepare(
    given: Given, *, classify: bool, column_kinds: Mapping[str, str] | None = None
) -> PreparedTable:
    """Checks everything that can be wrong with a table, before any training.

    Args:
        given: What the user gives: a table of any kind that `data.to_frame` reads.
        classify: Whether targets are classes.
        column_kinds: Kinds of columns that are not to be guessed.
    """
    x, y = split_target(given.x, given.y)
    target = fit_target(y, classify=classify, multilabel=True, several=True)
    source = TableInput(column_kinds, None if y is None else target.encode(y))
    raw, rows = read_rows(source, replace(given, x=x, y=y), target, split_target)
    return PreparedTable(source.fit(raw, rows.train), rows)
