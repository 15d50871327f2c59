"""Honest baselines of texts: the most frequent answer, and a linear model on TF-IDF."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from kerasnas.baselines.constant import constant_answers
from kerasnas.baselines.fit import (
    MOST_BYTES,
    NO_TIME,
    BaselineModel,
    Baselines,
    baseline_row,
    constant_model,
    name_of_constant,
)
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
_TERM_BYTES = 150  # of a term in the vocabulary of scikit-learn: a string, its number and weight


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
    models = {name: constant_model(rows)}
    found = [baseline_row(name, metrics, watch.seconds, "")]
    name = "tfidf_ridge" if scorer.classes is None else "tfidf_logistic"
    if not clock.has_time(Purpose.TEXT_BASELINE):
        return Baselines((*found, baseline_row(name, {}, 0.0, NO_TIME)), kept, models=models)
    watch = Stopwatch()
    import sklearn.feature_extraction.text  # takes a second, which is no pace of reading
    import sklearn.linear_model  # noqa: F401

    seconds = clock.allot(Purpose.TEXT_BASELINE).left / len(rows.parts)
    failure = NO_TIME
    tried: list[_Tried] = []
    try:
        # Threads that wait for each other in the short steps of the solver cost more than they
        # bring.
        with warnings.catch_warnings(), threadpool_limits(1):
            # A linear model that has not quite converged still is a baseline.
            warnings.simplefilter("ignore")
            for train, valid in rows.parts:
                until = clock.deadline.at_most(seconds)
                train = _readable(columns, train[:: -(-len(train) // _MOST_ROWS)], valid, until)
                tried.append(_fitted(columns, rows, train, valid, scorer.classes, until))
    except ValueError as error:  # such as no word at all
        failure, tried = str(error), [{}]
    best, answer, parts = _best(tried, rows, scorer)
    if answer is not None:
        kept[name], failure = answer, ""
        model = BaselineModel(
            partial(_answer, parts, tuple(columns)), size_bytes=sum(p.size_bytes for p in parts)
        )
        if model.size_bytes <= MOST_BYTES:
            models[name] = model
    row = baseline_row(name, best, watch.seconds, failure)
    return Baselines((*found, row), kept, models=models)


@dataclass(frozen=True, eq=False)
class _LinearOnTerms:
    """A linear model on the terms of texts. It holds no texts.

    Attributes:
        terms: From the texts of each column to their terms.
        predict: From terms to answers.
    """

    terms: _Terms
    predict: Callable[[Any], np.ndarray]

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes."""
        return _TERM_BYTES * sum(len(column.vocabulary_) for column in self.terms.values())

    def answer(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Answers to texts by column."""
        return self.predict(_seen(self.terms, columns))


_Terms = Mapping[str, Any]
_Tried = dict[float, tuple[_LinearOnTerms, np.ndarray]]


def _answer(
    parts: Sequence[_LinearOnTerms], names: Sequence[str], inputs: Any, data: Any
) -> np.ndarray:
    """The mean answer of the models of all parts to texts as the exported graph takes them."""
    given = inputs if isinstance(inputs, Mapping) else {names[0]: inputs}
    columns = {name: np.asarray(given[name]).reshape(-1) for name in names}
    found: np.ndarray = np.mean([part.answer(columns) for part in parts], axis=0)
    return found


def _best(
    tried: Sequence[_Tried], rows: Rows, scorer: Scorer
) -> tuple[dict[str, float], np.ndarray | None, list[_LinearOnTerms]]:
    """Metrics, answers and models of the best penalty that there was time for everywhere."""
    best: dict[str, float] = {}
    answer, models = None, list[_LinearOnTerms]()
    first = f"val_{scorer.names[0]}"
    for strength in _STRENGTHS:
        if any(strength not in part for part in tried):
            continue
        found = rows.joined([part[strength][1] for part in tried])
        metrics = validated(scorer(found))
        if answer is None or metrics[first] < best[first]:
            best, answer = metrics, found
            models = [part[strength][0] for part in tried]
    return best, answer, models


def _fitted(
    columns: Mapping[str, np.ndarray],
    rows: Rows,
    train: np.ndarray,
    valid: np.ndarray,
    classes: int | None,
    deadline: Deadline,
) -> _Tried:
    """Models and their answers, by the strengths of the penalty that there was time for."""
    found: _Tried = {}
    if not len(train):
        return found
    terms, seen = _learnt(columns, train)
    asked = _seen(terms, {name: texts[valid] for name, texts in columns.items()})
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
        predict = _linear(seen, y, kept, classes, strength, max(steps, _FEWEST))
        found[strength] = _LinearOnTerms(terms, predict), predict(asked)
    return found


def _readable(
    columns: Mapping[str, np.ndarray],
    train: np.ndarray,
    valid: np.ndarray,
    deadline: Deadline,
) -> np.ndarray:
    """The training rows that there is time to turn into terms; none where there is too little."""
    sample = train[np.unique(np.linspace(0, len(train) - 1, _SAMPLE).astype(int))]
    took = seconds_of(lambda: _learnt(columns, sample), deadline.now)
    pace = took / max(1, _characters(columns, sample))
    room = 0.5 * deadline.left - pace * _characters(columns, valid)
    share = room / max(pace * _characters(columns, train), 1e-9)
    rows = int(len(train) * min(1.0, share))
    if rows < min(len(train), _FEWEST_ROWS):
        return train[:0]
    return train[np.unique(np.linspace(0, len(train) - 1, rows).astype(int))]


def _characters(columns: Mapping[str, np.ndarray], rows: np.ndarray) -> int:
    return sum(len(text) for texts in columns.values() for text in texts[rows])


def _learnt(columns: Mapping[str, np.ndarray], train: np.ndarray) -> tuple[_Terms, Any]:
    """The terms of the training texts of each column, and what they make of these."""
    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfVectorizer

    terms, seen = {}, []
    for name, texts in columns.items():
        terms[name] = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+")
        seen.append(terms[name].fit_transform(texts[train]))
    return terms, sparse.hstack(seen).tocsr()


def _seen(terms: _Terms, columns: Mapping[str, np.ndarray]) -> Any:
    """What the terms make of texts."""
    from scipy import sparse

    return sparse.hstack([terms[name].transform(columns[name]) for name in terms]).tocsr()


def _linear(
    seen: Any,
    y: np.ndarray,
    weights: np.ndarray | None,
    classes: int | None,
    strength: float,
    steps: int,
) -> Callable[[Any], np.ndarray]:
    """Fits a linear model: what answers texts by their terms."""
    from sklearn.linear_model import LogisticRegression, Ridge

    if classes is None:
        ridge = Ridge(alpha=1.0 / strength, solver="sparse_cg", max_iter=5 * steps)
        ridge.fit(seen, y, sample_weight=weights)
        return lambda asked: np.asarray(ridge.predict(asked)).reshape(-1, 1)
    if y.ndim == 2:
        shares = np.average(y, axis=0, weights=weights)
        models = {
            i: LogisticRegression(C=strength, max_iter=steps).fit(seen, y[:, i], weights)
            for i in np.flatnonzero((y.min(axis=0) == 0) & (y.max(axis=0) == 1))
        }

        def of_labels(asked: Any) -> np.ndarray:
            answers = np.tile(shares, (asked.shape[0], 1))
            for i, model in models.items():
                answers[:, i] = model.predict_proba(asked)[:, 1]
            return answers

        return of_labels
    model = LogisticRegression(C=strength, max_iter=steps).fit(seen, y, weights)

    def of_classes(asked: Any) -> np.ndarray:
        answers = np.zeros((asked.shape[0], classes))
        answers[:, model.classes_] = model.predict_proba(asked)
        return answers

    return of_classes
