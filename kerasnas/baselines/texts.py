"""Honest baselines of texts: the most frequent answer, and a linear model on TF-IDF."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from kerasnas.baselines.constant import constant_answers
from kerasnas.baselines.fit import NO_TIME, Baselines, baseline_row, name_of_constant
from kerasnas.clock import Clock, Deadline, Purpose, Stopwatch, seconds_of
from kerasnas.problem import Scorer
from kerasnas.problem.metrics import validated
from kerasnas.problem.rows import Rows
from kerasnas.spaces.linear_solver import seconds_of_step

_MOST_ROWS = 20_000
_STRENGTHS = (1.0, 10.0, 0.1, 100.0)
_ITERATIONS = 100
_FEWEST = 15  # steps that make a usable fit
_FEWEST_ROWS = 200  # that make a fair baseline
_SAMPLE = 200  # texts whose reading is timed


def text_baselines(
    columns: Mapping[str, np.ndarray],
    rows: Rows,
    scorer: Scorer,
    clock: Clock,
) -> Baselines:
    """Fits and scores the baselines.

    The linear model sees words and pairs of neighbouring words, and is given the best of several
    penalties by its score on the very rows that it is compared on.

    Args:
        columns: All texts by column.
        rows: Targets, weights and split.
        scorer: Scores the validation rows.
        clock: The clock of the fit.
    """
    watch = Stopwatch()
    constant = constant_answers(rows)
    metrics = validated(scorer(constant))
    name = name_of_constant(rows)
    kept = {name: constant}
    found = [baseline_row(name, metrics, watch.seconds, "")]
    name = "tfidf_ridge" if scorer.classes is None else "tfidf_logistic"
    if not clock.has_time(Purpose.TEXT_BASELINE):
        return Baselines((*found, baseline_row(name, {}, 0.0, NO_TIME)), kept)
    watch = Stopwatch()
    import sklearn.feature_extraction.text  # takes a second, which is no pace of reading
    import sklearn.linear_model  # noqa: F401

    seconds = clock.allot(Purpose.TEXT_BASELINE).left / len(rows.parts)
    failure = NO_TIME
    answers: list[dict[float, np.ndarray]] = []
    try:
        # Threads that wait for each other in the short steps of the solver cost more than they
        # bring.
        with warnings.catch_warnings(), threadpool_limits(1):
            # A linear model that has not quite converged still is a baseline.
            warnings.simplefilter("ignore")
            for train, valid in rows.parts:
                until = clock.deadline.at_most(seconds)
                train = _readable(columns, train[:: -(-len(train) // _MOST_ROWS)], valid, until)
                answers.append(_answers(columns, rows, train, valid, scorer.classes, until))
    except ValueError as error:  # such as no word at all
        failure, answers = str(error), [{}]
    best, answer = _best(answers, rows, scorer)
    if answer is not None:
        kept[name], failure = answer, ""
    row = baseline_row(name, best, watch.seconds, failure)
    return Baselines((*found, row), kept)


def _best(
    answers: Sequence[Mapping[float, np.ndarray]], rows: Rows, scorer: Scorer
) -> tuple[dict[str, float], np.ndarray | None]:
    """Metrics and answers under the best penalty that there was time for everywhere, if any."""
    best: dict[str, float] = {}
    answer = None
    first = f"val_{scorer.names[0]}"
    for strength in _STRENGTHS:
        if any(strength not in part for part in answers):
            continue
        found = rows.joined([part[strength] for part in answers])
        metrics = validated(scorer(found))
        if answer is None or metrics[first] < best[first]:
            best, answer = metrics, found
    return best, answer


def _answers(
    columns: Mapping[str, np.ndarray],
    rows: Rows,
    train: np.ndarray,
    valid: np.ndarray,
    classes: int | None,
    deadline: Deadline,
) -> dict[float, np.ndarray]:
    """Answers by the strengths of the penalty that there was time for."""
    found: dict[float, np.ndarray] = {}
    if not len(train):
        return found
    seen, asked = _features(columns, train, valid)
    y, kept = rows.targets[train], None if rows.weights is None else rows.weights[train]
    outputs = 1 if classes in (None, 2) and y.ndim == 1 else int(classes or 1)
    pace = outputs * seconds_of_step(seen, 1)
    # The first penalty may take half of the time.
    count = int(len(train) * min(1.0, max(deadline.left, 0.0) / 2 / max(pace * _FEWEST, 1e-9)))
    if count < min(len(train), _FEWEST_ROWS):
        return found
    pace *= count / len(train)
    part = np.unique(np.linspace(0, len(train) - 1, count).astype(int))
    seen, y, kept = seen[part], y[part], None if kept is None else kept[part]
    for strength in _STRENGTHS:
        steps = int(min(_ITERATIONS, deadline.left / (1 if found else 2) / max(pace, 1e-9)))
        if found and steps < _FEWEST:
            break
        found[strength] = _linear(seen, y, kept, asked, classes, strength, max(steps, _FEWEST))
    return found


def _readable(
    columns: Mapping[str, np.ndarray],
    train: np.ndarray,
    valid: np.ndarray,
    deadline: Deadline,
) -> np.ndarray:
    """The training rows that there is time to turn into terms; none where there is too little."""
    sample = train[np.unique(np.linspace(0, len(train) - 1, _SAMPLE).astype(int))]
    took = seconds_of(lambda: _features(columns, sample, sample[:1]), deadline.now)
    pace = took / max(1, _characters(columns, sample))
    room = 0.5 * deadline.left - pace * _characters(columns, valid)
    share = room / max(pace * _characters(columns, train), 1e-9)
    rows = int(len(train) * min(1.0, share))
    if rows < min(len(train), _FEWEST_ROWS):
        return train[:0]
    return train[np.unique(np.linspace(0, len(train) - 1, rows).astype(int))]


def _characters(columns: Mapping[str, np.ndarray], rows: np.ndarray) -> int:
    return sum(len(text) for texts in columns.values() for text in texts[rows])


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
    steps: int,
) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression, Ridge

    if classes is None:
        ridge = Ridge(alpha=1.0 / strength, solver="sparse_cg", max_iter=5 * steps)
        ridge.fit(seen, y, sample_weight=weights)
        return np.asarray(ridge.predict(asked)).reshape(-1, 1)
    if y.ndim == 2:
        answers = np.tile(np.average(y, axis=0, weights=weights), (asked.shape[0], 1))
        for i in np.flatnonzero((y.min(axis=0) == 0) & (y.max(axis=0) == 1)):
            model = LogisticRegression(C=strength, max_iter=steps).fit(seen, y[:, i], weights)
            answers[:, i] = model.predict_proba(asked)[:, 1]
        return answers
    model = LogisticRegression(C=strength, max_iter=steps).fit(seen, y, weights)
    answers = np.zeros((asked.shape[0], classes))
    answers[:, model.classes_] = model.predict_proba(asked)
    return answers
