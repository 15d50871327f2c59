"""Permutation importance of raw columns, on the very graph that is exported."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from kerasnas.problem import Scorer


def permutation_importance(
    answer: Callable[[Mapping[str, np.ndarray]], np.ndarray],
    raw: Mapping[str, np.ndarray],
    scorer: Scorer,
    repeats: int,
    seed: int,
) -> pd.DataFrame:
    """How much worse the score gets when a column is shuffled (Breiman 2001, section 10).

    Args:
        answer: Answers of the exported graph to raw columns, in the user's units.
        raw: Raw columns of shape `(rows,)` by name.
        scorer: Scores the answers: log-loss of classes, RMSE of values.
        repeats: Shuffles of each column.
        seed: Seed of the shuffles.

    Returns:
        `feature`, `importance`, `std`, most important first; `attrs["metric"]` names the score.
    """
    metric = "log_loss" if scorer.classes is not None else "rmse"
    base = scorer.some((metric,), answer(raw))[metric]
    rng = np.random.default_rng(seed)
    found = []
    for name, values in raw.items():
        losses = []
        for _ in range(repeats):
            shuffled = {**raw, name: values[rng.permutation(len(values))]}
            losses.append(scorer.some((metric,), answer(shuffled))[metric] - base)
        found.append((name, float(np.mean(losses)), float(np.std(losses))))
    table = pd.DataFrame(found, columns=["feature", "importance", "std"])
    table = table.sort_values("importance", ascending=False, kind="stable", ignore_index=True)
    table.attrs["metric"] = metric
    return table
