"""Prepared data as the task of every trial: what it trains on and how it is scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnas.clock import Clock, Purpose
from kerasnas.data import Reader
from kerasnas.problem import MultiLabelScorer, Scorer, Units, View
from kerasnas.problem.rows import Rows
from kerasnas.trial import Job

_MARGIN = 0.05  # of the training range, by which a regression's answers may leave it


def _no_baselines(scorer: Scorer, clock: Clock, seed: int) -> list[dict[str, Any]]:
    return []


@dataclass(frozen=True, eq=False)
class Features:
    """One form of all rows for a network to train on, and the way back to raw data.

    Attributes:
        data: Array or structure of arrays with one leading axis of rows: what a network takes.
        assemble: From a network and the scale of its targets to the exported model.
        latency_ms: Latency for one row of what `assemble` puts in front of the network.
    """

    data: Any
    assemble: Callable[[keras.Model, Units | None], keras.Model]
    latency_ms: float = 0.0

    def take(self, index: np.ndarray) -> Any:
        """Some rows, in the structure of `data`."""
        return tf.nest.map_structure(lambda a: a[index], self.data)


@dataclass(eq=False)
class Task:
    """What a modality makes of the user's data, and all that the search needs from it.

    Attributes:
        reader: Reads new data as it read these.
        rows: Targets, weights and split.
        hypermodel: The search space, with `portfolio` and `recipe`.
        features: From hyperparameters to the form of the data that their network takes. A space
            with one form answers always the same object; one with several keeps those in use.
        baselines: Fits and scores honest baselines on the split.
        identity: What tells this search from another one in the same directory.
        raw: Raw data of all rows, for `reader.take`.
        broken: Names of the files that were left out because nobody can read them.
        baseline_answers: Answers of the baselines to the validation rows, once they are fitted.
    """

    reader: Reader
    rows: Rows
    hypermodel: Any
    features: Callable[[Any], Features]
    baselines: Callable[[Scorer, Clock, int], list[dict[str, Any]]] = _no_baselines
    identity: dict[str, Any] = field(default_factory=dict)
    raw: Any = None
    broken: Sequence[str] = ()
    baseline_answers: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.units = units_of(self.rows)
        self.extra: tuple[str, ...] = ()  # metrics that an objective asks for
        self._views: dict[int, tuple[Features, View]] = {}

    def view(self, hp: Any) -> View:
        """The data as trials of these hyperparameters see them; the last few views are kept."""
        features = self.features(hp)
        if id(features) not in self._views:
            while len(self._views) >= 4:
                self._views.pop(next(iter(self._views)))
            self._views[id(features)] = features, self._view(features)
        return self._views[id(features)][1]

    def whole(self, hp: Any) -> View:
        """The view of these hyperparameters with the validation rows among those to train on."""
        features, learnt = self.features(hp), self.learnt()
        index = np.union1d(self.rows.train, self.rows.valid)
        return replace(
            self.view(hp),
            x=features.take(index),
            y=learnt[index],
            weights=self._weights(index),
        )

    def learnt(self) -> np.ndarray:
        """Targets of all rows as a network learns them."""
        targets = self.rows.targets
        if self.units is not None:
            return self.units.standardise(targets)
        return targets.astype("float32" if self.rows.multilabel else "int32")

    def scorer(self) -> Scorer:
        """Scores answers in the user's units for the validation rows."""
        rows = self.rows
        weights = None if rows.weights is None else rows.weights[rows.valid]
        if weights is not None and weights.sum() == 0:
            weights = None
        kind = MultiLabelScorer if rows.multilabel else Scorer
        return kind(rows.targets[rows.valid], rows.classes, weights, self.extra)

    def job(self, objectives: Sequence[Any], clock: Clock, seed: int) -> Job:
        """What every trial trains on and is judged by."""
        clock.keep(Purpose.ANSWER)
        return Job(
            view=self.view,
            objectives=tuple(objectives),
            seed=seed,
            clock=clock,
        )

    def _view(self, features: Features) -> View:
        rows = self.rows
        scorer = self.scorer()
        if self.units is not None:
            scorer = UnitScorer(
                scorer.targets, None, scorer.weights, scorer.extra, units=self.units
            )
        learnt = self.learnt()
        return View(
            x=features.take(rows.train),
            y=learnt[rows.train],
            weights=self._weights(rows.train),
            validation=(features.take(rows.valid), learnt[rows.valid], scorer.weights),
            scorer=scorer,
            assemble=lambda network: features.assemble(network, self.units),
            example=features.take(np.arange(1)),
            extra_latency=features.latency_ms,
            folds=rows.folds,
        )

    def _weights(self, index: np.ndarray) -> np.ndarray | None:
        """Weights of mean 1, which leave the size of the gradient, and so the recipes, as is."""
        if self.rows.weights is None:
            return None
        kept = self.rows.weights[index]
        return (kept / kept.mean()).astype("float32") if kept.mean() > 0 else kept


@dataclass(frozen=True)
class UnitScorer(Scorer):
    """Scores a network's own output in the target's units, as the exported graph gives it."""

    units: Units | None = None

    def answers(self, predictions: np.ndarray) -> np.ndarray:
        """As `Scorer.answers`."""
        return predictions if self.units is None else self.units.restore(predictions)


def units_of(rows: Rows) -> Units | None:
    """The scale of a regression's targets, from training rows; `None` for classes."""
    if rows.classes is not None:
        return None
    values = rows.targets[rows.train]
    weights = None if rows.weights is None else rows.weights[rows.train]
    mean = float(np.average(values, weights=weights))
    deviation = float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
    margin = _MARGIN * float(np.ptp(values))
    return Units(
        scale=deviation if deviation > 0 else 1.0,
        mean=mean,
        low=float(values.min()) - margin,
        high=float(values.max()) + margin,
    )
