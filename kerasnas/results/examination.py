"""How an answer did on the validation rows, as counts and curves that a file can hold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from kerasnas.history import TrialRecord
from kerasnas.objectives import Objective
from kerasnas.problem import AnswerScorer, Scorer
from kerasnas.problem.metrics import confusion

Numbers = tuple[tuple[float, ...], ...]

_MOST_CLASSES = 30  # of a confusion matrix that people can read
_POINTS = 80  # of a curve at most: as many as a picture of this size shows
_BINS = 10  # of probabilities, and of answers of a regression
_FEWEST_IN_BIN = 10  # rows of a bin, so that no single row can be read off
_RESIDUAL_BINS = 24
_MOST_CURVES = 6


@dataclass(frozen=True)
class Examination:
    """How the answer did on rows that it was not trained on. No row of the user's is in it.

    Attributes:
        rows: Number of these rows.
        scores: All scores by name.
        confusion: Weight of rows by true label (a row) and answered label (a column).
        roc: Pairs of false and true positive rate, of two classes.
        precision_recall: Pairs of recall and precision, of two classes.
        reliability: Mean probability, share of rows that are so, rows; by bins of the probability.
        residuals: Left edge, right edge, rows; of the answer minus the truth.
        bands: Mean answer, then the 10 %, 50 % and 90 % quantile of the truth, then rows; by bins
            of the answer.
        curves: Pairs of epoch and score of the best trials, by `trial_id`.
    """

    rows: int = 0
    scores: Mapping[str, float] = field(default_factory=dict)
    confusion: Numbers = ()
    roc: Numbers = ()
    precision_recall: Numbers = ()
    reliability: Numbers = ()
    residuals: Numbers = ()
    bands: Numbers = ()
    curves: Mapping[str, Numbers] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The examination as plain values."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_json(cls, content: Any) -> Examination:
        """The examination that `to_json` wrote; what is missing is empty."""
        if not isinstance(content, Mapping):
            return cls()
        tables = ("confusion", "roc", "precision_recall", "reliability", "residuals", "bands")
        return cls(
            rows=int(content.get("rows", 0)),
            scores={str(n): float(v) for n, v in dict(content.get("scores", {})).items()},
            curves={str(n): _table(v) for n, v in dict(content.get("curves", {})).items()},
            **{name: _table(content.get(name, ())) for name in tables},
        )


def examined(
    answers: np.ndarray | None, scorer: AnswerScorer | None, threshold: float | None = None
) -> Examination:
    """Examines answers to rows whose targets are known.

    Args:
        answers: Answers in the user's units, `(rows, columns)`; `None` for nothing to examine.
        scorer: Scores them.
        threshold: Probability from which the second of two classes is answered.
    """
    if threshold is not None and type(scorer) is Scorer:
        scorer = scorer.at(threshold)
    if answers is None or scorer is None or not np.isfinite(answers).all():
        return Examination()
    scores = {name: value for name, value in scorer(answers).items() if math.isfinite(value)}
    found = Examination(scorer.rows, scores)
    # Other scorers have targets of another form: several labels, several numbers, texts.
    if type(scorer) is not Scorer:
        return found
    if scorer.classes is not None:
        return _of_classes(found, answers, scorer)
    return _of_values(found, answers.reshape(-1), scorer.targets)


def curves_of(trials: Iterable[TrialRecord], objective: Objective) -> dict[str, Numbers]:
    """The course of the score over the epochs, of the best trials that have one.

    Args:
        trials: All trials.
        objective: What was optimised first.
    """
    found: dict[str, Numbers] = {}
    scored = [t for t in trials if math.isfinite(objective.loss(t.scores))]
    for trial in sorted(scored, key=lambda t: objective.loss(t.scores)):
        pairs = [
            (float(step), float(metrics[objective.name]))
            for step, metrics in trial.reports
            if math.isfinite(metrics.get(objective.name, math.nan))
        ]
        if len(pairs) > 1 and len(found) < _MOST_CURVES:
            found[trial.trial_id] = tuple(pairs[i] for i in _thinned(len(pairs)))
    return found


def _of_classes(found: Examination, answers: np.ndarray, scorer: Scorer) -> Examination:
    classes, truth = scorer.classes or 0, scorer.targets
    content = found.to_json()
    if classes <= _MOST_CLASSES:
        above = scorer.threshold
        said = answers.argmax(axis=1) if above is None else (answers[:, 1] >= above).astype(int)
        content["confusion"] = _table(confusion(truth, said, classes, scorer.weights))
    if classes == 2 and 0 < truth.sum() < len(truth):
        score, positive = answers[:, 1].astype("float64"), truth == 1
        content["roc"], content["precision_recall"] = _rankings(score, positive)
        content["reliability"] = _reliability(score, positive)
    return Examination(**content)


def _rankings(score: np.ndarray, positive: np.ndarray) -> tuple[Numbers, Numbers]:
    """The points of the ROC curve and of precision over recall."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.diff(score[order]) != 0, True)  # rows of one score come together
    hits = np.cumsum(positive[order])[last].astype("float64")
    seen = (np.flatnonzero(last) + 1).astype("float64")
    true_rate = hits / positive.sum()
    false_rate = (seen - hits) / (~positive).sum()
    kept = _thinned(len(seen))
    roc = np.column_stack([false_rate, true_rate])[kept]
    precise = np.column_stack([true_rate, hits / seen])[kept]
    return ((0.0, 0.0), *_table(roc)), _table(precise)


def _reliability(score: np.ndarray, positive: np.ndarray) -> Numbers:
    place = np.minimum((score * _BINS).astype(int), _BINS - 1)
    rows = []
    for number in range(_BINS):
        inside = place == number
        if inside.sum() >= _FEWEST_IN_BIN:
            rows.append((score[inside].mean(), positive[inside].mean(), inside.sum()))
    return _table(rows)


def _of_values(found: Examination, answers: np.ndarray, truth: np.ndarray) -> Examination:
    if answers.shape != truth.shape or len(truth) < 2 * _FEWEST_IN_BIN:
        return found
    answers, truth = answers.astype("float64"), truth.astype("float64")
    residual = answers - truth
    # The outermost hundredth would press all others into one bar.
    low, high = np.quantile(residual, [0.01, 0.99])
    if not high > low:
        return found
    counts, edges = np.histogram(np.clip(residual, low, high), _RESIDUAL_BINS, (low, high))
    parts = np.array_split(np.argsort(answers, kind="stable"), _bins(len(truth)))
    bands = [
        (answers[part].mean(), *np.quantile(truth[part], [0.1, 0.5, 0.9]), len(part))
        for part in parts
    ]
    content = found.to_json()
    content["residuals"] = _table(np.column_stack([edges[:-1], edges[1:], counts]))
    content["bands"] = _table(bands)
    return Examination(**content)


def _bins(rows: int) -> int:
    return min(_BINS, rows // _FEWEST_IN_BIN)


def _thinned(count: int) -> np.ndarray:
    """Places of at most so many points as a picture shows, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, _POINTS)).round().astype(int))


def _table(rows: Any) -> Numbers:
    """Rows of finite numbers.

    Raises:
        ValueError: If they are anything else: a file from elsewhere may say what it wants.
    """
    found = tuple(tuple(float(value) for value in row) for row in rows)
    if not all(math.isfinite(value) for row in found for value in row):
        raise ValueError("a number of its examination is not finite")
    return found
