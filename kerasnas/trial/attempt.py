"""One execution of a trial, as the methods of fitting see it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from kerasnas import artifact
from kerasnas.clock import Stopwatch
from kerasnas.problem.view import View, part_of
from kerasnas.spaces.method import Solution
from kerasnas.spaces.recipes import Recipe
from kerasnas.spaces.space import Space
from kerasnas.trial.callbacks import copies_for
from kerasnas.trial.checkpoint import State
from kerasnas.trial.compiled import check_single_numbers
from kerasnas.trial.inheritance import inherit
from kerasnas.trial.job import TrialSettings
from kerasnas.trial.pace import Allowance, Times
from kerasnas.trial.plan import Plan, Trained
from kerasnas.trial.seeding import seed_of

log = logging.getLogger("kerasnas")

Answers = Callable[[], Any]
"""Gives the answers of the fitted network to the validation rows."""


@dataclass(frozen=True, eq=False)
class Continuation:
    """What links the executions of one trial that pauses, and the trial that it descends from.

    Attributes:
        fidelity: Share of a full training that this execution has to reach.
        rows: Share of the training rows to train on.
        keep: Whether the state at the end is kept, for the next execution.
        paused: File of the state that the last execution left; `None` begins anew.
        start: This state, once it was read.
        by_rows: Whether a part of a full training is one on a part of the rows: its epochs begin
            anew.
        seed: Further entropy of the order of rows.
        parent: File of the network whose weights the first execution begins with, or `None`.
    """

    fidelity: float = 1.0
    rows: float = 1.0
    keep: bool = False
    paused: Path | None = None
    start: State | None = None
    by_rows: bool = False
    seed: tuple[int, ...] = ()
    parent: Path | None = None


@dataclass(frozen=True, eq=False)
class Attempt:
    """One execution of a trial: its configuration, its data, and how long it may take.

    Attributes:
        settings: The settings of the search.
        space: The search space.
        allowance: How long it may take.
        record: The trial in the history.
        hp: Its hyperparameters.
        view: The data in the form that its network takes.
        batch_size: Rows in a step; `None` leaves it to Keras.
        optional: Whether it may be given up where time is short: nothing would be lost.
        answered: Whether the search has a completed trial already.
        continuation: Where it begins, and how far it goes.
        on_epoch: Told the epoch (from 0) and its metrics; ends the training by answering `True`.
        times: What it has taken until now.
    """

    settings: TrialSettings
    space: Space
    allowance: Allowance
    record: Any
    hp: keras_tuner.HyperParameters
    view: View
    batch_size: int | None
    optional: bool = False
    answered: bool = False
    continuation: Continuation = field(default_factory=Continuation)
    on_epoch: Callable[[int, dict[str, float]], bool | None] = lambda epoch, logs: None
    times: Times = field(default_factory=Times)

    @property
    def seed(self) -> int:
        """The seed of the trial."""
        return seed_of(self.settings.seed, self.record.number)

    def resumed(self) -> Attempt:
        """This attempt with the state that the last execution left; anew where that is gone."""
        continuation = self.continuation
        if continuation.paused is None:
            return self
        start = State.read(continuation.paused)
        if start is None:
            trial_id = self.record.trial_id
            log.warning("The checkpoint of trial %s is gone: it starts again.", trial_id)
            return self
        if continuation.by_rows:
            start, seed = replace(start, epochs=0), (self.record.rung,)
            return replace(self, continuation=replace(continuation, start=start, seed=seed))
        return replace(self, continuation=replace(continuation, start=start))

    def on_its_rows(self) -> Attempt:
        """This attempt with a view of the rows that it trains on, where these are not all."""
        if self.continuation.rows == 1:
            return self
        return replace(self, view=part_of(self.view, self.continuation.rows, self.settings.seed))

    def build(self) -> keras.Model:
        """Builds the untrained network; `inherit` copies the weights of the parent.

        Raises:
            OutOfTime: If tracing such a network would take the rest of the time.
        """
        stopwatch = Stopwatch()
        network = self.space.build(self.hp)
        self.times.building = stopwatch.seconds
        if self.optional:
            self.allowance.check_start(self.times.building)
        if not isinstance(network, keras.Model):
            raise keras_tuner.errors.FatalTypeError(
                f"`build` must return a compiled keras.Model, received {type(network).__name__}."
            )
        check_single_numbers(network, self.settings.objectives)
        return network

    def inherit(self, network: keras.Model) -> dict[str, float]:
        """Gives the network the weights of the parent; `inherited` is the share of them."""
        if self.record.parent is None or self.record.executions:
            return {}
        parent = self.continuation.parent
        if parent is None or not parent.exists():
            return {"inherited": 0.0}
        return {"inherited": inherit(network, artifact.load_written(parent))}

    def plan(self, recipe: Recipe | None, fold: int | None = None, **rest: Any) -> Plan:
        """The plan of a training, on a fold or on all rows; `rest` are fields of `Plan`."""
        settings, monitor = self.settings, self.settings.monitor
        label = self.record.trial_id + ("" if fold is None else f"_fold{fold}")
        return Plan(
            batch_size=self.batch_size or 32,
            monitor=monitor.name if monitor else None,
            sign=1 if monitor is None or monitor.direction == "min" else -1,
            patience=recipe.patience if recipe else settings.patience,
            rates=recipe.rates if recipe else None,
            enough=recipe.enough if recipe else 0,
            callbacks=copies_for(settings.callbacks, label, goes_on=bool(self.record.executions)),
            **rest,
        )

    def whole_plan(self, recipe: Recipe | None) -> Plan:
        """The plan of a training that pauses where the continuation says."""
        allowance, record, continuation = self.allowance, self.record, self.continuation
        share, most = allowance.share(recipe), allowance.most(recipe)
        lengths = allowance.lengths(recipe)
        return self.plan(
            recipe,
            epochs=allowance.epochs(lengths),
            lengths=lengths,
            deadline=allowance.limit(max(share, most), self.times.building or 0.0),
            share=allowance.planned(share),
            most=allowance.planned(most),
            optional=self.optional,
            seed=(self.settings.seed, record.number, *continuation.seed),
            on_epoch=self.on_epoch,
            fidelity=continuation.fidelity,
            keep=continuation.keep,
            start=continuation.start,
        )


@dataclass(frozen=True, eq=False)
class Outcome:
    """What an attempt has come to.

    Attributes:
        network: The network, with the weights that are scored.
        trained: How it was fitted, and its scores.
        answers: Gives its answers to the validation rows; `None` where it has none to all of them.
        measures: What is known besides.
        plan: The plan of gradient steps on all rows; `None` for other methods, whose attempt is a
            full training at any rung.
        solution: The solution, where a solver has fitted the network.
        seconds: Seconds of the solver.
    """

    network: keras.Model
    trained: Trained
    answers: Answers | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    plan: Plan | None = None
    solution: Solution | None = None
    seconds: float = 0.0
