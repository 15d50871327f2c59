"""A REINFORCE controller: reinforcement learning over independent choices."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasnas.history import History, TrialRecord
from kerasnas.objectives import Constraint, Objective
from kerasnas.oracles.domains import Domain
from kerasnas.oracles.ranking import infeasibility, losses, normal_scores, positions
from kerasnas.oracles.searchers.protocol import Searcher
from kerasnas.oracles.space import Values, ValueSpace

CELLS = 8
"""Cells that a numeric hyperparameter is cut into."""

SPREAD = 5.0
"""Standard deviation of rewards that are not percentages: that of accuracies in percent."""


@dataclass(frozen=True)
class ReinforceSearcher(Searcher):
    """A softmax over the options of each hyperparameter, moved along the policy gradient.

    Sources: Williams, *Simple Statistical Gradient-Following Algorithms*, 1992; Zoph and Le,
    *Neural Architecture Search with Reinforcement Learning*, ICLR 2017; the form without a
    recurrent controller is that of NAS-Bench-201. All logits start at 0. The controller is
    trained anew on the whole history for every suggestion, which takes milliseconds.

    Args:
        learning_rate: Adam's step. The reward is an accuracy in percent (other objectives are
            brought to its spread by rank), so values above 0.1 collapse the policy.
        decay: Of the moving average that serves as the baseline.
    """

    learning_rate: float = 0.1
    decay: float = 0.9
    name: str = "reinforce"
    _trained: dict[Any, dict[str, np.ndarray]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def suggest(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        rng: np.random.Generator,
        constraints: Sequence[Constraint] = (),
    ) -> Values | None:
        """Draws from the policy that the history teaches."""
        policy = self._latest(space, history, objectives, constraints)

        def choose(domain: Domain, _: Values) -> Any:
            if not domain.tunable:
                return domain.default
            option = rng.choice(len(policy[domain.key]), p=softmax(policy[domain.key]))
            return option_value(domain, int(option))

        return space.walk(choose)

    def describe(self, space: ValueSpace) -> str:
        """The rule in a few words."""
        return f"REINFORCE controller (learning rate {self.learning_rate})"

    def _latest(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint],
    ) -> dict[str, np.ndarray]:
        """The policy; kept until the history changes, since one suggestion may need many draws."""
        told = tuple(
            (t.number, t.status, losses(t, objectives), infeasibility(t, constraints))
            for t in history.finished
        )
        state = (space, tuple(objectives), told)
        if state not in self._trained:
            self._trained.clear()
            self._trained[state] = self._policy(space, history, objectives, constraints)
        return self._trained[state]

    def _policy(
        self,
        space: ValueSpace,
        history: History,
        objectives: Sequence[Objective],
        constraints: Sequence[Constraint],
    ) -> dict[str, np.ndarray]:
        """Logits of every hyperparameter after replaying all finished trials."""
        tunable = [d for d in space.domains if d.tunable]
        if not tunable:
            return {}
        sizes = [options(d) for d in tunable]
        edges = np.cumsum([0, *sizes])
        place = {d.key: slice(edges[i], edges[i + 1]) for i, d in enumerate(tunable)}
        logits = np.zeros(edges[-1])
        first, second = np.zeros_like(logits), np.zeros_like(logits)
        total = weight = 0.0
        trials = history.finished
        received = rewards(trials, objectives, constraints)
        owner = np.repeat(np.arange(len(tunable)), sizes)
        for t, (record, reward) in enumerate(zip(trials, received, strict=True), start=1):
            total = self.decay * total + (1 - self.decay) * reward
            weight = self.decay * weight + (1 - self.decay)
            chosen = space.recorded(chosen_options, record.values)
            active = chosen >= 0
            weights = np.exp(logits - np.maximum.reduceat(logits, edges[:-1])[owner])
            gradient = weights / np.add.reduceat(weights, edges[:-1])[owner] * active[owner]
            gradient[(edges[:-1] + chosen)[active]] -= 1.0
            gradient *= reward - total / weight
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            step = (first / (1 - 0.9**t)) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
            logits = logits - self.learning_rate * step
        return {key: logits[part] for key, part in place.items()}


def options(domain: Domain) -> int:
    """Options the controller has: the values, for many numbers cells of the unit interval."""
    if domain.numeric and (domain.count is None or domain.count > CELLS):
        return CELLS
    return domain.count or 1


def option_of(domain: Domain, value: Any) -> int:
    """The option that a value belongs to."""
    value = domain.closest(value)
    if options(domain) == domain.count:
        return domain.index_of(value) or 0
    return min(int(domain.unit(value) * CELLS), CELLS - 1)


def chosen_options(space: ValueSpace, values: Mapping[str, Any]) -> np.ndarray:
    """The option of every hyperparameter that is tuned, -1 where it is not active."""
    here = {d.key: option_of(d, values[d.name]) for d in space.active(values) if d.tunable}
    return np.array([here.get(d.key, -1) for d in space.domains if d.tunable], dtype=int)


def option_value(domain: Domain, option: int) -> Any:
    """The value of an option: the middle of its cell."""
    if options(domain) == domain.count:
        return domain.value_at(option) if domain.numeric else domain.choices[option]
    return domain.at_unit((option + 0.5) / CELLS)


def rewards(
    trials: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    constraints: Sequence[Constraint] = (),
) -> list[float]:
    """Rewards in percent.

    Accuracies and the like are taken as they are, times 100 where they lie in [0, 1]; failed and
    infeasible trials get the worst of them. All else goes by rank, to normal scores with the
    spread of accuracies.
    """
    values = [-losses(t, objectives)[0] for t in trials]
    good = [
        i
        for i, trial in enumerate(trials)
        if infeasibility(trial, constraints) == 0 and values[i] > -math.inf
    ]
    percent = [values[i] for i in good]
    if len(objectives) == 1 and objectives[0].direction == "max" and percent and min(percent) >= 0:
        top = max(percent)
        if top <= 100:
            scale = 100.0 if top <= 1.0 else 1.0
            floor = min(percent)
            inside = set(good)
            return [scale * (v if i in inside else floor) for i, v in enumerate(values)]
    return [SPREAD * z for z in normal_scores(positions(trials, objectives, constraints))]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits."""
    weights = np.exp(logits - logits.max())
    return np.asarray(weights / weights.sum())
