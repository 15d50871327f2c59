"""The validation rows that are answered worst. They stay in memory: no saved model holds a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasnas.data import Reader
from kerasnas.problem import AnswerScorer, Scorer

_MOST = 8


@dataclass(frozen=True, eq=False)
class Mistakes:
    """Rows that are answered worst, the worst first.

    Attributes:
        raw: These rows, as the reader gives them.
        places: Their places among the rows of `fit`.
        truths: The number of the true class of each row, or its true value.
        answers: The number of the class that was answered, or the value.
        shares: Probability of the answered class; 1 of values.
    """

    raw: Any
    places: np.ndarray
    truths: np.ndarray
    answers: np.ndarray
    shares: np.ndarray


def worst_answers(
    answers: np.ndarray | None,
    scorer: AnswerScorer,
    threshold: float | None,
    raw: Any,
    reader: Reader,
    valid: np.ndarray,
) -> Mistakes | None:
    """The rows whose true class was given the least probability, or whose value was missed most.

    Args:
        answers: Answers to the validation rows in the user's units; `None` for nothing to examine.
        scorer: Scores them.
        threshold: Probability from which the second of two classes is answered.
        raw: Raw data of all rows.
        reader: Takes some of them.
        valid: Places of the validation rows.

    Returns:
        `None` where targets have another form, such as several labels.
    """
    if answers is None or type(scorer) is not Scorer or not np.isfinite(answers).all():
        return None
    truth = scorer.targets
    if scorer.classes is None:
        said = answers.reshape(-1).astype("float64")
        if said.shape != truth.shape:
            return None
        missed, shares = np.abs(said - truth), np.ones(len(truth))
        wrong = np.arange(len(truth))
    else:
        said = answers.argmax(axis=1)
        if threshold is not None:
            said = (answers[:, 1] >= threshold).astype(int)
        each = np.arange(len(truth))
        missed, shares = 1.0 - answers[each, truth], answers[each, said]
        wrong = np.flatnonzero(said != truth)
    worst = wrong[np.argsort(-missed[wrong], kind="stable")][:_MOST]
    return Mistakes(
        raw=reader.take(raw, valid[worst]),
        places=valid[worst],
        truths=truth[worst],
        answers=said[worst],
        shares=shares[worst],
    )
