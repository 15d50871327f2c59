"""`kerasnas.search`: the search of a hypermodel or build function that the user has written."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
import tensorflow as tf

from kerasnas.callbacks.callback import parted
from kerasnas.clock import Budget, Clock
from kerasnas.data.fingerprint import fingerprint
from kerasnas.data.named_columns import drop_columns, named_in, take_columns
from kerasnas.errors import ObjectiveError, SearchSpaceError
from kerasnas.objectives import (
    Constraint,
    Objective,
    ObjectiveLike,
    check_constraints,
    parse_objectives,
)
from kerasnas.problem import View
from kerasnas.problem.own_data import (
    as_arrays,
    as_targets,
    as_tensors,
    as_validation,
    check_repeatable,
    form_of,
    held_out,
    is_arrays,
    settle_weights,
)
from kerasnas.progress import Verbose
from kerasnas.results import SearchResult
from kerasnas.results.leaderboard import MEASURES
from kerasnas.searching import (
    SearchPlan,
    check_oracle,
    check_seed,
    run,
    searching_in,
    settle_seed,
)
from kerasnas.spaces.space import Space, as_space
from kerasnas.trial import Job
from kerasnas.trial.callbacks import settle_callbacks
from kerasnas.trial.executors import executor_of

_OF_TUNERS = {
    "max_trials": "Write `budget=kerasnas.Budget(trials=...)`.",
    "executions_per_trial": "Let `fit` of your hypermodel give a list of histories.",
    "max_epochs": "Write `epochs=...`.",
    "tuner": 'Write `oracle="bayesian"`, or another strategy.',
    "project_name": "Name the whole folder in `directory=...`.",
    "overwrite": "Name a new or empty folder in `directory=...`.",
    "loss": "Compile the model with it in `build(hp)`.",
    "optimizer": "Compile the model with it in `build(hp)`.",
    "metrics": "Compile the model with them in `build(hp)`.",
}
"""What stands here for arguments of keras-tuner."""


def search(
    hypermodel: Callable[[keras_tuner.HyperParameters], Any] | keras_tuner.HyperModel,
    x: Any,
    y: Any = None,
    *,
    validation_data: Any = None,
    validation_split: float = 0.2,
    objective: ObjectiveLike = "val_loss",
    constraints: Sequence[Constraint] = (),
    oracle: Any = "auto",
    budget: Budget | str | float = "5min",
    epochs: int | None = None,
    batch_size: int | None = None,
    sample_weight: Any = None,
    callbacks: Sequence[Any] | None = None,
    initial: Sequence[Mapping[str, Any]] = (),
    directory: str | Path | None = None,
    executor: Any = "inline",
    seed: int | None = None,
    verbose: Verbose = "auto",
    **fit_kwargs: Any,
) -> SearchResult:
    """Searches the hyperparameters of a `build(hp)` written for keras-tuner, unchanged.

    Args:
        hypermodel: Function or `keras_tuner.HyperModel` that returns a compiled Keras model.
        x: Training inputs: an array, a structure of arrays, a `tf.data.Dataset`, anything that
            `keras.Model.fit` takes.
        y: Training targets, or the name of a column of `x`; `None` where `x` holds them.
        validation_data: `(x, y)` or `(x, y, weights)`, or a dataset. Without it, a random
            `validation_split` of arrays is held out.
        validation_split: Share of rows to hold out, drawn at random, never the last rows.
        objective: Name of a logged metric or measure, an `Objective`, or several of them.
        constraints: Bounds on metrics and measures.
        oracle: Short name of a strategy, or a kerasnas oracle.
        budget: Trials, seconds, epochs of one trial.
        epochs: The same as `Budget(epochs=…)`; default 1, as in Keras.
        batch_size: Rows in a step; default 32, as in Keras.
        sample_weight: Weight of each training row, shape `(rows,)`; a list or dict of such by
            output.
        callbacks: Keras callbacks, or one, copied for each trial; the files that Keras's own
            callbacks write get the number of the trial in their names. `SearchCallback` objects of
            `kerasnas.callbacks` may be among them.
        initial: Configurations to try first.
        directory: Keeps journal and files there; the same call again continues.
        executor: `"inline"` runs one trial after the other in this process, `"process"` several at
            a time in processes of their own, `"ray"` in actors of Ray; or an object of
            `kerasnas.executors`.
        seed: Seed of everything random; `None` draws one.
        verbose: 0 silent, `"auto"` a live line or plain lines, 2 plain lines.
        **fit_kwargs: Passed to `fit`, such as `steps_per_epoch`.

    Returns:
        What was found.

    Raises:
        SearchFailedError: If no trial came to a good end.
        ProjectMismatchError: If `directory` holds another search.
    """
    space = as_space(hypermodel)
    limits = Budget.parse(budget).with_epochs(epochs)
    clock = Clock(limits.seconds)
    objectives = parse_objectives(objective)
    _check_named(objectives)
    check_seed(seed)
    check_oracle(oracle, objectives)
    _check_measures(constraints)
    _check_fit_arguments(space, fit_kwargs)
    trial_executor = executor_of(executor)
    watching, callbacks = parted(callbacks)
    trial_executor.check({"hypermodel": hypermodel, "callbacks": callbacks, "fit": fit_kwargs})
    with searching_in(directory, clock, verbose, limits.trials) as (interruption, progress):
        seed = settle_seed(seed, directory)
        callbacks = settle_callbacks(callbacks)
        x, y, validation_data, sample_weight = _by_name(x, y, validation_data, sample_weight)
        x, y, validation_data = as_arrays(x), as_targets(y), as_validation(validation_data)
        weights = settle_weights(sample_weight, x, y)
        check_repeatable(x, validation_data, limits.trials, fit_kwargs)
        if validation_data is None and not is_arrays(x):
            _check_own_validation(space, x, objectives)
        if validation_data is None and is_arrays(x):
            x, y, weights, validation_data = held_out(x, y, weights, validation_split, seed)
        rows = as_tensors(x)
        view = View(
            x=rows,
            y=y,
            weights=weights,
            validation=as_tensors(validation_data),
            example=tf.nest.map_structure(lambda a: a[:1], rows) if is_arrays(rows) else None,
        )
        job = Job(
            view=lambda hp: view,
            objectives=objectives,
            seed=seed,
            clock=clock,
            epochs=limits.epochs,
            batch_size=batch_size,
            callbacks=callbacks,
            fit_kwargs=fit_kwargs,
        )
        plan = SearchPlan(
            objectives=objectives,
            budget=limits,
            oracle=oracle,
            constraints=tuple(constraints),
            initial=initial,
            portfolio=space.portfolio,
            directory=directory,
            seed=seed,
            callbacks=watching,
            executor=trial_executor,
            identity=lambda: {"data": _digest_of_data(x, y, weights, validation_data)},
        )
        result = run(space, job, plan, interruption, progress)
        if result.history.scored():
            progress.say(str(result.verdict))
    result.best_trial  # noqa: B018  (raises with the reasons when there is none)
    result.networks.release()
    return result


def _by_name(x: Any, y: Any, validation_data: Any, sample_weight: Any) -> tuple[Any, Any, Any, Any]:
    """Inputs, targets, validation data and weights, where targets and weights name columns of `x`.

    Raises:
        SchemaError: If there is no such column.
    """
    taken, names = take_columns(x, y, sample_weight), named_in(x, y, sample_weight)
    if names and validation_data is not None:
        given = validation_data
        apart = take_columns(*(given if isinstance(given, tuple) else (given, y, sample_weight)))
        weights = () if apart.weights is None else (apart.weights,)
        validation_data = (drop_columns(apart.x, names), apart.y, *weights)
    return taken.x, taken.y, validation_data, taken.weights


def _check_named(objectives: Sequence[Objective]) -> None:
    """Whether objectives are names of what the user's own model logs."""
    own = [o.name for o in objectives if o.metric is not None]
    if own:
        raise ObjectiveError(
            f"`objective` must name what the model logs, received the metric {own[0]!r}. Compile "
            f"the model with `metrics=[...]`, and pass `kerasnas.Objective({own[0]!r}, "
            "direction='max')` or 'min'."
        )


def _check_fit_arguments(space: Space, fit_kwargs: Mapping[str, Any]) -> None:
    """Refuses arguments of a tuner, which `fit` would be handed; one's own `fit` may take any.

    Raises:
        SearchSpaceError: If there are any: every trial would fail.
    """
    for name in [] if space.has_own_fit else [name for name in fit_kwargs if name in _OF_TUNERS]:
        raise SearchSpaceError(f"`search` has no argument `{name}`. {_OF_TUNERS[name]}")


def _check_measures(constraints: Sequence[Constraint]) -> None:
    """Measures that are nearly written right; what else `build` logs is known after a trial."""
    check_constraints(constraints)
    for constraint in constraints:
        near = difflib.get_close_matches(constraint.name, MEASURES, n=1, cutoff=0.7)
        if near and constraint.name not in MEASURES:
            check_constraints([constraint], MEASURES)


def _digest_of_data(*data: Any) -> str:
    """A short digest of arrays, and of the forms of what is no array."""
    flat = [part for part in tf.nest.flatten(data) if part is not None]
    arrays = [part for part in flat if is_arrays(part)]
    forms = [form_of(part) for part in flat if not is_arrays(part)]
    return fingerprint(*arrays, np.array(forms, dtype=object)) if forms else fingerprint(*arrays)


def _check_own_validation(space: Space, x: Any, objectives: Sequence[Objective]) -> None:
    """Whether a search without validation data can have its objectives at all."""
    names = [o.name for o in objectives if o.name.startswith("val_")]
    if names and not space.has_own_fit:
        raise SearchSpaceError(
            f"`objective` {names[0]!r} needs `validation_data`: no rows can be held out of a "
            f"{type(x).__name__}. Pass `validation_data=`, a dataset or arrays."
        )
