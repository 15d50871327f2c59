"""The problem of a fit: what is learnt, from what, and judged on which rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol, Self

import keras
import numpy as np
import tensorflow as tf

from kerasnas.assembly import Fronts, join
from kerasnas.data import Reader
from kerasnas.data.fingerprint import fingerprint
from kerasnas.data.units import Units
from kerasnas.problem.answer_scorer import AnswerScorer
from kerasnas.problem.heads.head import scoring_weights
from kerasnas.problem.heads.targets import HeadTargets
from kerasnas.problem.heads_scorer import HeadsScorer
from kerasnas.problem.inputs import Form
from kerasnas.problem.own_metrics import OwnMetric
from kerasnas.problem.rows import Rows
from kerasnas.problem.view import View

_KEPT_VIEWS = 4  # a space with more forms of the data keeps no more than these in memory


class AnyProblem(Protocol):
    """What a search asks of a problem, whatever its rows are: `Problem` of rows, or of series."""

    @property
    def reader(self) -> Reader:
        """Reads new data as it read those of `fit`."""

    @property
    def rows(self) -> Any:
        """Which rows are trained on and which are held out, with the members of a `Split`."""

    @property
    def raw(self) -> Any:
        """Raw data of all rows."""

    @property
    def broken(self) -> Sequence[str]:
        """Names of the files that were left out because nobody can read them."""

    @property
    def target(self) -> Any:
        """What encodes and decodes the targets, as a file holds it."""

    def identity(self) -> Mapping[str, Any]:
        """What tells a search of this problem from another one in the same directory."""

    def with_metrics(self, extra: tuple[str, ...]) -> Self:
        """The problem whose scorer gives further metrics."""

    def reader_of(self, model: keras.Model) -> Reader:
        """The reader of what an exported model takes."""

    def view(self, hp: Any) -> View:
        """The data as trials of these hyperparameters see them."""

    def assembler(self, hp: Any) -> Callable[[keras.Model], keras.Model]:
        """From a network of these hyperparameters to the exported model, without any rows."""

    def whole(self, hp: Any) -> View:
        """The view with the validation rows among those to train on."""

    def scorer(self) -> AnswerScorer:
        """Scores answers in the user's units for the validation rows."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Inputs, heads and rows. A modality makes one of the user's data.

    Attributes:
        reader: Reads new data as it read these.
        rows: Heads, targets, weights and split.
        form: From hyperparameters to the form of the data that their network takes. A problem with
            one form answers always the same object; one with several keeps those in use.
        contents: Finds what tells these inputs and targets from others.
        front: From hyperparameters to the front of their form, where that is there without the
            form; `None` where the form is always there.
        raw: Raw data of all rows, for `reader.take`.
        broken: Names of the files that were left out because nobody can read them.
        loss_weights: Weight of each head in a combined `loss`, by output; `None` where the only
            head is scored by itself.
        extra: Further metrics that an objective asks for.
        own: Metrics of the user's own, for a problem with one head.
    """

    reader: Reader
    rows: Rows
    form: Callable[[Any], Form]
    contents: Callable[[], Mapping[str, Any]] = dict
    front: Callable[[Any], Fronts] | None = None
    raw: Any = None
    broken: Sequence[str] = ()
    loss_weights: Mapping[str, float] | None = None
    extra: tuple[str, ...] = ()
    own: tuple[OwnMetric, ...] = ()
    _views: dict[int, tuple[Form, View]] = field(default_factory=dict, repr=False)

    def identity(self) -> dict[str, Any]:
        """As `AnyProblem.identity`: the contents, and which rows are trained on and held out."""
        rows = self.rows
        flat = [part for fold in rows.folds for part in fold]
        split = fingerprint(rows.train, rows.valid, rows.calibration, *flat)
        return {**self.contents(), "split": split}

    def with_metrics(self, extra: tuple[str, ...]) -> Problem:
        """The problem whose scorer gives further metrics, which objectives ask for."""
        return replace(self, extra=extra, _views={})

    def with_own(self, own: Sequence[OwnMetric]) -> Problem:
        """The problem whose scorer gives metrics of the user's own."""
        target = self.rows.target
        return replace(self, own=tuple(replace(m, target=target) for m in own), _views={})

    @property
    def target(self) -> Any:
        """What encodes and decodes the targets, as a file holds it."""
        if self.loss_weights is None:
            return self.rows.target
        return HeadTargets({name: head.target for name, head in self.rows.heads.items()})

    def reader_of(self, model: keras.Model) -> Reader:
        """The reader of what an exported model takes: all models take the same."""
        return self.reader

    def view(self, hp: Any) -> View:
        """The data as trials of these hyperparameters see them; the last few views are kept."""
        form = self.form(hp)
        if id(form) not in self._views:
            while len(self._views) >= _KEPT_VIEWS:
                self._views.pop(next(iter(self._views)))
            self._views[id(form)] = form, self._view(form)
        return self._views[id(form)][1]

    def assembler(self, hp: Any) -> Callable[[keras.Model], keras.Model]:
        """As `AnyProblem.assembler`."""
        front = self.form(hp).front if self.front is None else self.front(hp)
        return partial(_exported, front, self.units())

    def whole(self, hp: Any) -> View:
        """The view of these hyperparameters with the validation rows among those to train on."""
        index, form = np.union1d(self.rows.train, self.rows.valid), self.form(hp)
        if form.streamed is not None:
            return self.view(hp)  # a few validation rows more are nothing beside these
        return replace(
            self.view(hp),
            x=form.take(index),
            y=_taken(self.learnt(), index),
            weights=self._weights(index),
        )

    def learnt(self) -> Any:
        """Targets of all rows as a network learns them; a dict by output if there are several."""
        rows = self.rows
        found = {name: head.learnt(rows.encoded[name]) for name, head in rows.heads.items()}
        return found if len(found) > 1 else next(iter(found.values()))

    def scorer(self) -> AnswerScorer:
        """Scores answers in the user's units for the validation rows."""
        rows = self.rows
        scorers = {}
        for name, head in rows.heads.items():
            weights = rows.weights_of(name)
            kept = None if weights is None else weights[rows.valid]
            scorers[name] = head.scorer(rows.encoded[name][rows.valid], kept, self.extra)
        if self.loss_weights is None:
            only: Any = next(iter(scorers.values()))
            return replace(only, own=self.own) if self.own else only
        return HeadsScorer(rows.heads, scorers, self.loss_weights)

    def units(self) -> Units | dict[str, Units | None] | None:
        """The scale of the targets; of several heads by output."""
        found = {name: head.units for name, head in self.rows.heads.items()}
        return found if len(found) > 1 else next(iter(found.values()))

    def _view(self, form: Form) -> View:
        rows, scorer, learnt = self.rows, self.scorer(), self.learnt()
        x, y = form.streamed or (form.take(rows.train), _taken(learnt, rows.train))
        weights = scoring_weights(None if rows.weights is None else rows.weights[rows.valid])
        return View(
            x=x,
            y=y,
            weights=self._weights(rows.train),
            validation=(form.take(rows.valid), _taken(learnt, rows.valid), weights),
            scorer=scorer,
            assemble=partial(_exported, form.front, self.units()),
            example=form.take(np.arange(1)),
            extra_latency=form.latency_ms,
            folds=rows.folds,
        )

    def _weights(self, index: np.ndarray) -> np.ndarray | None:
        """Weights of mean 1, which leave the size of the gradient, and so the recipes, as is."""
        if self.rows.weights is None:
            return None
        kept = self.rows.weights[index]
        return (kept / kept.mean()).astype("float32") if kept.mean() > 0 else kept


def _exported(front: Fronts, units: Any, network: keras.Model) -> keras.Model:
    """The exported model of a network; a trial that keeps the way to it keeps no rows."""
    return join(front, network, units)


def _taken(data: Any, index: np.ndarray) -> Any:
    """Some rows of an array, or of arrays by output."""
    return tf.nest.map_structure(lambda a: a[index], data)
