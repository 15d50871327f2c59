"""One-shot search: one supernet trained once, cells judged by the weights they inherit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import keras_tuner
import numpy as np
import pandas as pd

from kerasnas import oracles
from kerasnas.clock import Budget, Clock, Margin, Purpose, Stopwatch, amount
from kerasnas.data import check_same_length, fit_class_target
from kerasnas.errors import SearchFailedError
from kerasnas.objectives import Constraint, parse_objectives
from kerasnas.problem import Scorer
from kerasnas.problem.split import split
from kerasnas.spaces.architectures import CellHyperModel, cells
from kerasnas.spaces.cell import Cell
from kerasnas.spaces.supernet import Supernet, built, calibrate, path_scorer, train_supernet
from kerasnas.trial import measure as measures
from kerasnas.trial.answers import Predictor
from kerasnas.trial.plan import Plan
from kerasnas.trial.seeding import seeded
from kerasnas.trial.training import Trainer

_FIRST_STEP = "to trace the supernet (raise `budget`, or use `ImageClassifier(space='cell')`)"


@dataclass
class OneShotResult:
    """What a one-shot search found.

    Attributes:
        model: The winner, fine-tuned; takes images as they were given.
        cell: Its cell.
        classes_: The labels, in the order of the answers.
        candidates: One row a cell that was judged: inherited accuracy and measures, best first.
        metrics: Scores of the winner on the validation images.
        seconds: Seconds of each part: `supernet`, `search`, `fine_tuning`.
    """

    model: keras.Model
    cell: Cell
    classes_: np.ndarray
    candidates: pd.DataFrame
    metrics: dict[str, float]
    seconds: dict[str, float] = field(default_factory=dict)


def one_shot_search(
    x: np.ndarray,
    y: Any,
    *,
    validation_split: float = 0.2,
    constraints: Sequence[Constraint] = (),
    candidates: int = 100,
    budget: Budget | str | float = "5min",
    epochs: int | None = None,
    fine_tuning_epochs: int = 8,
    filters: int = 16,
    cells_per_stage: int = 1,
    batch_size: int = 64,
    seed: int = 0,
) -> OneShotResult:
    """Searches a cell by evolution on the weights of a supernet, and fine-tunes the best.

    Args:
        x: Images of shape `(rows, height, width, channels)`.
        y: Labels of shape `(rows,)`.
        validation_split: Share of the images that cells are judged on.
        constraints: Bounds on `params`, `flops`, `latency_ms` or `latency_p95_ms`, measured on the
            network of each cell before it is judged.
        candidates: Cells to judge.
        budget: Seconds of the whole search.
        epochs: Epochs of the supernet; by default as many as 55 % of the seconds are enough for,
            at most 200.
        fine_tuning_epochs: Epochs of the winner; fewer when time runs out.
        filters: Filters of the first stage.
        cells_per_stage: Cells in a row in each stage.
        batch_size: Images in a step.
        seed: Seed of everything random.

    Raises:
        SearchFailedError: If no cell meets the constraints.
        OutOfTime: If the budget does not reach for the first step of the supernet.
    """
    clock = Clock(Budget.parse(budget).seconds)
    clock.keep(Purpose.SUPERNET_WINNER)
    target = fit_class_target(y)
    check_same_length(x, y)
    labels = target.encode(y)
    parts = split(len(x), seed=seed, share=validation_split, labels=labels)
    train, valid = parts.train, parts.valid
    space = cells(
        x.shape[1:],
        len(target.classes_),
        filters=filters,
        cells_per_stage=cells_per_stage,
        stages=3 if min(x.shape[1:3]) >= 16 else 2,
        rows=len(train),
    )
    _check_possible(space, constraints)
    seconds: dict[str, float] = {}
    watch = Stopwatch()
    with seeded(seed, 0):
        supernet = Supernet(space)
    # A step cannot be broken off while it is traced: what that takes is known from the building.
    needed = amount(Margin.SUPERNET_TRACE) * watch.lap()
    clock.deadline.require(needed, _FIRST_STEP)
    train_supernet(
        supernet,
        x[train],
        labels[train],
        epochs=epochs,
        deadline=clock.allot(Purpose.SUPERNET),
        batch_size=batch_size,
        seed=seed,
    )
    seconds["supernet"] = watch.lap()
    found = _evolve(supernet, x[valid], labels[valid], constraints, candidates, clock, seed)
    seconds["search"] = watch.lap()
    best = Cell.parse(str(found["cell"].iloc[0]))
    with seeded(seed, 1):
        network = supernet.lend(built(space, best))
    metrics = _fine_tune(
        network, space, x, labels, train, valid, fine_tuning_epochs, batch_size, clock, seed
    )
    seconds["fine_tuning"] = watch.lap()
    return OneShotResult(network, best, target.classes_, found, metrics, seconds)


def _evolve(
    supernet: Supernet,
    x: np.ndarray,
    y: np.ndarray,
    constraints: Sequence[Constraint],
    number: int,
    clock: Clock,
    seed: int,
) -> pd.DataFrame:
    """Judges cells that the engine's evolution proposes, within the constraints."""
    space = supernet.hypermodel
    score = path_scorer(supernet, x, y)
    known: dict[str, dict[str, float]] = {}

    def accept(values: Any) -> dict[str, float] | None:
        cell = Cell.of(values)
        if cell.graph not in known:
            if known and clock.for_trials.passed:
                return None
            known[cell.graph] = _measured(space, cell, x[:1], constraints)
        return known[cell.graph]

    oracle = oracles.Evolution(
        objective=parse_objectives("val_accuracy"),
        max_trials=number,
        seed=seed,
        constraints=tuple(constraints),
        portfolio=space.portfolio,
        accept=accept,
        hyperparameters=_hyperparameters(space),
    )
    oracle.verbose = 0
    rows: list[dict[str, Any]] = []
    while not clock.for_trials.passed or not rows:
        trial = oracle.create_trial("one_shot")
        if trial.status == "STOPPED":
            break
        cell = Cell.of(trial.hyperparameters.values)
        accuracy, measured = score(cell), known[cell.graph]
        oracle.update_trial(trial.trial_id, {"val_accuracy": accuracy})
        oracle.facts(trial.trial_id, measures=measured, seconds=0.0, spent=clock.spent)
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
        rows.append({"cell": str(cell), "inherited_accuracy": accuracy, **measured})
    if not rows:
        raise SearchFailedError(_none(constraints))
    return pd.DataFrame(rows).sort_values("inherited_accuracy", ascending=False, kind="stable")


def _check_possible(space: CellHyperModel, constraints: Sequence[Constraint]) -> None:
    """Measures the cell that costs least, before anything is trained.

    Raises:
        SearchFailedError: If even this one is too large.
    """
    smallest = built(space, Cell(("skip_connect",) * 6))
    costs = {"params": float(smallest.count_params()), "flops": float(measures.flops(smallest))}
    if any(c.max is not None and costs.get(c.name, 0.0) > c.max for c in constraints):
        least = ", ".join(f"{costs[name]:,.0f} {name}" for name in costs)
        raise SearchFailedError(f"{_none(constraints)} The smallest network has {least}.")


def _none(constraints: Sequence[Constraint]) -> str:
    names = ", ".join(f"`{c.name}`" for c in constraints)
    return f"No cell meets the constraints on {names}. Loosen them, or take fewer `filters`."


def _hyperparameters(space: CellHyperModel) -> Any:
    hp = keras_tuner.HyperParameters()
    space.build(hp)
    return hp


def _measured(
    space: CellHyperModel, cell: Cell, example: np.ndarray, constraints: Sequence[Constraint]
) -> dict[str, float]:
    """Parameters and FLOPs of a cell's network, and its latency where that is limited."""
    network = built(space, cell)
    found = {"params": float(network.count_params()), "flops": float(measures.flops(network))}
    if any("latency" in c.name for c in constraints):
        found.update(measures.latency(network, example))
    return found


def _fine_tune(
    network: keras.Model,
    space: CellHyperModel,
    x: np.ndarray,
    labels: np.ndarray,
    train: np.ndarray,
    valid: np.ndarray,
    epochs: int,
    batch_size: int,
    clock: Clock,
    seed: int,
) -> dict[str, float]:
    """Trains the winner on from its inherited weights; returns its validation scores."""
    calibrate(network, x[train])
    scorer = Scorer(labels[valid], network.output_shape[1])
    predict = Predictor(network, x[valid])

    def validate() -> dict[str, float]:
        return scorer.validation(predict())

    trained = Trainer(network, x[train], labels[train], None, validate).run(
        Plan(
            batch_size=batch_size,
            epochs=epochs,
            monitor="val_accuracy",
            sign=-1,
            rates=space.recipe(None).rates,
            deadline=clock.deadline,
            seed=(seed,),
        )
    )
    return {name: value for name, value in trained.metrics.items() if name.startswith("val_")}
