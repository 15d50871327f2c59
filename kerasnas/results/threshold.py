"""From which probability on a binary classifier says yes, where the metric depends on it."""

from __future__ import annotations

import numpy as np

from kerasnas.objectives import Objective
from kerasnas.problem import Scorer

NEEDING = ("val_f1", "val_balanced_accuracy")
"""Objectives for which 0.5 is a bad threshold where classes are of unequal size."""

_MOST = 200  # thresholds that are compared
_REPEATS = 5


def choose_threshold(answers: np.ndarray, scorer: Scorer, objective: Objective, seed: int) -> float:
    """The threshold with the best metric, if it helps on rows that it was not chosen on.

    Args:
        answers: Probabilities `(rows, 2)` of validation rows.
        scorer: Scores them.
        objective: One of `NEEDING`.
        seed: Seed of the halves on which the gain is checked.

    Returns:
        A probability of the second class; one half where nothing else is better.
    """
    name = objective.name.removeprefix("val_")

    def score(rows: np.ndarray, threshold: float) -> float:
        return scorer.of(rows).at(threshold).some([name], answers[rows])[name]

    def best(rows: np.ndarray) -> float:
        values = np.unique(answers[rows, 1].astype("float64"))
        middles = (values[1:] + values[:-1]) / 2
        if len(middles) > _MOST:
            middles = np.quantile(middles, np.linspace(0, 1, _MOST))
        scores = [score(rows, t) for t in middles] or [-np.inf]
        top = np.flatnonzero(np.isclose(scores, np.max(scores)))
        # Of equally good ones the middle one; it is the least chance's.
        return float(middles[top[len(top) // 2]]) if len(middles) else 0.5

    rows = np.arange(len(answers))
    rng = np.random.default_rng([seed, 0x7E])
    gains, found = [], []
    for _ in range(_REPEATS):
        order = rng.permutation(rows)
        halves = np.array_split(order, 2)
        for chosen_on, scored_on in (halves, halves[::-1]):
            if len(np.unique(scorer.targets[chosen_on])) < 2:
                continue
            threshold = best(chosen_on)
            found.append(threshold)
            gains.append(score(scored_on, threshold) - score(scored_on, 0.5))
    if not gains or np.mean(gains) <= np.std(gains) / np.sqrt(_REPEATS):
        return 0.5
    # The median over halves moves less from sample to sample than the single best one.
    return float(np.median(found))
