"""Honest baselines of texts: the most frequent answer, and a linear model on TF-IDF."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasnas.budget import Clock
from kerasnas.results.baselines import baseline_row
from kerasnas.runner import Scorer

_NEEDED = 8.0  # seconds that must be left before a linear model is fitted
_SHARE = 0.1  # of the seconds left, that the linear models together may take
_MOST_ROWS = 20_000
_STRENGTHS = (1.0, 10.0, 0.1, 100.0)


def text_baselines(
    columns: Mapping[str, np.ndarray],
    targets: np.ndarray,
    weights: np.ndarray | None,
    train: np.ndarray,
    valid: np.ndarray,
    scorer: Scorer,
    clock: Clock,
) -> list[dict[str, Any]]:
    """Fits and scores the baselines.

    The linear model sees words and pairs of neighbouring words, and is given the best of several
    penalties by its score on the very rows that it is compared on.

    Args:
        columns: All texts by column.
        targets: Integer labels, a 0/1 matrix, or values of all rows.
        weights: Weight of every row, or `None`.
        train: Indices of the training rows.
        valid: Indices of the validation rows.
        scorer: Scores the validation rows.
        clock: The clock of the fit.

    Returns:
        Rows of the leaderboard.
    """
    train = train[:: max(1, -(-len(train) // _MOST_ROWS))]
    kept = None if weights is None else weights[train]
    y = targets[train]
    begin = time.perf_counter()
    answer = _constant(y, kept, scorer.classes)
    metrics = scorer.validation(np.repeat(answer[None, :], len(valid), axis=0))
    name = "mean" if scorer.classes is None else "majority"
    rows = [baseline_row(name, metrics, time.perf_counter() - begin, "")]
    name = "tfidf_ridge" if scorer.classes is None else "tfidf_logistic"
    if clock.left < _NEEDED:
        return [*rows, baseline_row(name, {}, 0.0, "no time left in the budget")]
    begin = time.perf_counter()
    end = begin + _SHARE * min(clock.left, 3600.0)
    best: dict[str, float] = {}
    first = scorer.names[0]
    try:
        with warnings.catch_warnings():
            # A linear model that has not quite converged still is a baseline.
            warnings.simplefilter("ignore")
            seen, asked = _features(columns, train, valid)
            for strength in _STRENGTHS:
                answers = _linear(seen, y, kept, asked, scorer.classes, strength)
                metrics = scorer.validation(answers)
                if not best or metrics[f"val_{first}"] < best[f"val_{first}"]:
                    best = metrics
                if time.perf_counter() > end:
                    break
        rows.append(baseline_row(name, best, time.perf_counter() - begin, ""))
    except ValueError as error:  # such as no word at all
        rows.append(baseline_row(name, {}, time.perf_counter() - begin, str(error)))
    return rows


def _constant(y: np.ndarray, weights: np.ndarray | None, classes: int | None) -> np.ndarray:
    if classes is None or y.ndim == 2:
        return np.atleast_1d(np.average(y, axis=0, weights=weights))
    counts = np.bincount(y, weights=weights, minlength=classes)
    return counts / counts.sum()


def _features(
    columns: Mapping[str, np.ndarray], train: np.ndarray, valid: np.ndarray
) -> tuple[Any, Any]:
    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfVectorizer

    seen, asked = [], []
    for texts in columns.values():
        tfidf = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+")
        seen.append(tfidf.fit_transform(texts[train]))
        asked.append(tfidf.transform(texts[valid]))
    return sparse.hstack(seen).tocsr(), sparse.hstack(asked).tocsr()


def _linear(
    seen: Any,
    y: np.ndarray,
    weights: np.ndarray | None,
    asked: Any,
    classes: int | None,
    strength: float,
) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression, Ridge

    if classes is None:
        ridge = Ridge(alpha=1.0 / strength).fit(seen, y, sample_weight=weights)
        return np.asarray(ridge.predict(asked)).reshape(-1, 1)
    if y.ndim == 2:
        answers = np.repeat(y.mean(axis=0, keepdims=True), asked.shape[0], axis=0)
        for i in np.flatnonzero((y.min(axis=0) == 0) & (y.max(axis=0) == 1)):
            model = LogisticRegression(C=strength).fit(seen, y[:, i], weights)
            answers[:, i] = model.predict_proba(asked)[:, 1]
        return answers
    model = LogisticRegression(C=strength).fit(seen, y, weights)
    answers = np.zeros((asked.shape[0], classes))
    answers[:, model.classes_] = model.predict_proba(asked)
    return answers
