"""The finished trials of a search as one better model."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerasnas import artifact
from kerasnas.clock import ENDLESS, Deadline, Stopwatch
from kerasnas.errors import SearchSpaceError
from kerasnas.history import TrialRecord
from kerasnas.objectives import Constraint, Objective, violation
from kerasnas.problem import AnswerScorer
from kerasnas.results.fusion import fuse, rows_for
from kerasnas.results.selection import ROUNDS, Candidate, Selection, select
from kerasnas.trial import Keeping, measure
from kerasnas.trial.candidates import read_answers
from kerasnas.trial.networks import Networks

log = logging.getLogger("kerasnas")

CANDIDATES = 25  # trials that are kept for an ensemble to choose from
_AUTO = 8  # most members
_USUAL = 5  # members that time is kept for: few ensembles have more, and none if time is short
_LATENCY = re.compile(r"(\d+(?:\.\d+)?) ?ms")


Twins = Callable[[Mapping[str, float]], dict[str, keras.Model]]
"""From weights by trial to the models that take the place of trials', fitted once more."""


def no_twins(weights: Mapping[str, float]) -> dict[str, keras.Model]:
    """No model takes the place of another one."""
    return {}


@dataclass(frozen=True)
class Wish:
    """What `ensemble=` asks for.

    Attributes:
        size: Most members; 1 for no ensemble.
        latency_ms: Longest latency for one row, or `None`.
        near: Times the best score, up to which a trial may be a member.
        start: Members that the choice starts from, the best ones; 0 starts from none.
        rounds: Times that a member is added or weighs more.
    """

    size: int
    latency_ms: float | None = None
    near: float = math.inf
    start: int = 0
    rounds: int = ROUNDS


def parse_ensemble(value: Any) -> Wish:
    """Reads `"auto"`, `False`, a number of members, or a latency such as `"5ms"`.

    Raises:
        SearchSpaceError: For anything else.
    """
    if value is False or value is None:
        return Wish(1)
    if value == "auto" or value is True:
        return Wish(_AUTO)
    if isinstance(value, int | np.integer) and 1 <= value <= CANDIDATES:
        return Wish(int(value))
    found = _LATENCY.fullmatch(value) if isinstance(value, str) else None
    if found is not None and float(found[1]) > 0:
        return Wish(_AUTO, float(found[1]))
    raise SearchSpaceError(
        f'`ensemble` must be "auto", False, a number of members from 1 to {CANDIDATES}, or the '
        f'longest latency of one row such as "5ms", received {value!r}.'
    )


@dataclass(frozen=True, eq=False)
class Building:
    """What an ensemble is built with.

    Attributes:
        deadline: When the ensemble has to be built.
        pace: Seconds that a member needs to be read and built in.
        probe: A few rows in the structure of the inputs, to measure the latency if it is limited.
        again: From weights by trial to the models that take the place of trials', where these are
            fitted once more.
    """

    deadline: Deadline = ENDLESS
    pace: float = 0.0
    probe: Any = None
    again: Twins = no_twins

    def most(self, wish: Wish) -> int:
        """Members that there is time for, at most, and at least two."""
        if not self.pace or self.deadline.endless:
            return wish.size
        return min(wish.size, max(2, int(self.deadline.left / self.pace)))


UNHURRIED = Building()


@dataclass(frozen=True)
class Ensemble:
    """A chosen ensemble.

    Attributes:
        model: The fused graph.
        selection: Members, weights, calibration, and how honest their score is.
        row: A row of the leaderboard.
        answers: Its answers to the validation rows.
    """

    model: keras.Model
    selection: Selection
    row: dict[str, Any]
    answers: np.ndarray


def keeping_for(wish: Wish, again: bool) -> Keeping:
    """Has trials keep what an ensemble is chosen from, and leave time to build it."""
    timed = wish.latency_ms is not None
    return Keeping(CANDIDATES, min(wish.size, _USUAL), again, timed)


def build_ensemble(
    trials: Sequence[TrialRecord],
    networks: Networks,
    scorer: AnswerScorer,
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint],
    wish: Wish,
    seed: int,
    building: Building,
) -> Ensemble | None:
    """Chooses among finished trials and fuses the chosen ones.

    Args:
        trials: Finished trials, the best first.
        networks: Their networks, and where their answers are.
        scorer: Scores answers to the validation rows, in the user's units.
        objectives: The first one decides.
        constraints: Bounds that the ensemble has to keep too.
        wish: Size and latency.
        seed: Seed of the search.
        building: What it is built with.

    Returns:
        The ensemble, or `None` where there are too few trials or too little time, or every
        ensemble breaks a constraint.
    """
    watch = Stopwatch()
    objective = objectives[0]
    near = _near(trials, objective, wish.near)
    candidates = candidates_of(near, networks, scorer, constraints)
    if len(candidates) < 2 or objective.name.removeprefix("val_") not in scorer.names:
        return None
    by_id = {trial.trial_id: trial for trial in trials}
    size, deadline = building.most(wish), building.deadline
    limit = min([wish.latency_ms or math.inf, *_bounds(constraints, "latency_ms")])
    while size >= 2 and not deadline.passed:
        selection = select(
            candidates,
            scorer,
            objective,
            size=size,
            start=wish.start,
            rounds=wish.rounds,
            seed=seed,
            deadline=deadline.minus(size * building.pace),  # that its members are built in
        )
        fitted = building.again(selection.weights) if selection.better else {}
        members = [fitted.get(k) or networks.model(by_id[k]) for k in selection.weights]
        model = fuse(members, list(selection.weights.values()), selection.calibration)
        timed = building.probe if math.isfinite(limit) else None
        row = _row(model, selection, candidates, scorer, objective, timed)
        if fitted:
            row["hyperparameters"]["fitted_again"] = sorted(fitted)
        row["seconds"] = watch.seconds
        scores = {k: v for k, v in row.items() if isinstance(v, int | float)}
        slow = scores.get("latency_ms", 0.0) > limit
        row["feasible"] = violation(constraints, scores) == 0 and not slow
        if row["feasible"]:
            return Ensemble(model, selection, row, selection.answer(candidates))
        size = min(size, len(selection.weights)) - 1  # a smaller one may keep the bound
    return None


def _near(
    trials: Sequence[TrialRecord], objective: Objective, near: float
) -> Sequence[TrialRecord]:
    """The trials whose loss is near to the best one.

    Two bad trials may err in opposite directions on a few rows, but not on others.
    """
    if math.isinf(near) or not trials:
        return trials
    best = min(objective.loss(t.scores) for t in trials)
    return [t for t in trials if objective.loss(t.scores) <= near * best]


def candidates_of(
    trials: Sequence[TrialRecord],
    networks: Networks,
    scorer: AnswerScorer,
    constraints: Sequence[Constraint],
) -> list[Candidate]:
    """The trials that keep the constraints, and whose answers and networks are there."""
    found = []
    for trial in trials:
        if violation(constraints, trial.scores) > 0:
            continue
        answers = read_answers(networks.folder, trial.trial_id)
        usable = answers is not None and len(answers) == scorer.rows
        if usable and networks.there(trial.trial_id):
            assert answers is not None
            latency = trial.measures.get("latency_ms", 0.0)
            found.append(Candidate(trial.trial_id, answers, latency))
    return found


def _row(
    model: keras.Model,
    selection: Selection,
    candidates: Sequence[Candidate],
    scorer: AnswerScorer,
    objective: Objective,
    probe: Any,
) -> dict[str, Any]:
    """The ensemble as a row of the leaderboard; what it costs is measured on the fused graph."""
    metrics = scorer(selection.answer(candidates))
    timed = {}
    if probe is not None:
        row = keras.tree.map_structure(lambda t: t[:1], rows_for(model, probe))
        timed = measure.latency(model, row)
    sign = 1.0 if objective.direction == "min" else -1.0
    return {
        "trial_id": "ensemble",
        "kind": "ensemble",
        "status": "COMPLETED",
        **{f"val_{name}": value for name, value in metrics.items()},
        "params": float(model.count_params()),
        "flops": float(measure.flops(model)),
        **timed,
        "size_bytes": float(artifact.size_of(model)),
        # How much better it looks on the rows that it was chosen on than on others.
        "optimism": selection.held_out - selection.loss,
        f"{objective.name}_held_out": sign * selection.held_out,
        "hyperparameters": {
            "members": {k: round(v, 4) for k, v in selection.weights.items()},
            "temperature": selection.calibration.value(),
        },
        "failure": "",
    }


def _bounds(constraints: Sequence[Constraint], name: str) -> list[float]:
    return [c.max for c in constraints if c.name == name and c.max is not None]
