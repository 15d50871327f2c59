"""The best answer that is the same for every row."""

from __future__ import annotations

import numpy as np

from kerasnas.problem.heads.head import scoring_weights
from kerasnas.problem.rows import Rows


def constant_answers(rows: Rows) -> np.ndarray:
    """Answers of all heads to the validation rows: shares of classes, means, quantiles.

    Args:
        rows: Heads, targets, weights and split; with folds each part is answered from the others.

    Returns:
        One matrix `(rows, sum of widths)`, in the order of the heads.
    """
    return rows.joined(
        [
            np.tile(np.concatenate([*constants_of(rows, train).values()]), (len(valid), 1))
            for train, valid in rows.parts
        ]
    )


def constants_of(rows: Rows, train: np.ndarray) -> dict[str, np.ndarray]:
    """The best constant answer of each head to some rows."""
    found = {}
    for name, head in rows.heads.items():
        weights = rows.weights_of(name)
        kept = scoring_weights(None if weights is None else weights[train])
        found[name] = head.constant(rows.encoded[name][train], kept)
    return found
