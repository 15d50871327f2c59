"""Several inputs and outputs as the task of every trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerasnas import assembly
from kerasnas.auto_model.answers import Answer, ArrayTarget, QuantileTarget
from kerasnas.auto_model.inputs import Fitted
from kerasnas.auto_model.readers import InputsReader, flat
from kerasnas.auto_model.space import ComposedHyperModel
from kerasnas.baselines.tables import baseline_row
from kerasnas.clock import Clock, Purpose
from kerasnas.data import ClassTarget, MultiLabelTarget, RegressionTarget
from kerasnas.errors import SchemaError
from kerasnas.problem import Units, View
from kerasnas.trial import Job

_TARGETS: dict[str, Any] = {
    cls.__name__: cls
    for cls in (ArrayTarget, ClassTarget, MultiLabelTarget, QuantileTarget, RegressionTarget)
}


@dataclass(frozen=True)
class HeadTargets:
    """Targets of several heads.

    Attributes:
        targets: By name of the output.
    """

    targets: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Class and content of every target, by output."""
        return {
            name: {"kind": type(target).__name__, "content": target.to_json()}
            for name, target in self.targets.items()
        }

    @classmethod
    def from_json(cls, content: Any) -> HeadTargets:
        """The targets that `to_json` wrote, or `SchemaError`."""
        if not isinstance(content, Mapping) or not content:
            raise SchemaError("Targets of several heads must be a dict by output.")
        targets = {}
        for name, part in content.items():
            kind = part.get("kind") if isinstance(part, Mapping) else None
            if kind not in _TARGETS:
                raise SchemaError(f"Output `{name}` has a target {kind!r}, unknown here.")
            targets[name] = _TARGETS[kind].from_json(part["content"])
        return cls(targets)


@dataclass(frozen=True, eq=False)
class HeadRows:
    """Targets, weights and split of all rows.

    Attributes:
        target: Targets by output.
        encoded: Encoded targets of all rows, by output.
        weights: Weight of every row, or `None`.
        train: Indices of the training rows.
        valid: Indices of the validation rows.
    """

    target: HeadTargets
    encoded: Mapping[str, np.ndarray]
    weights: np.ndarray | None
    train: np.ndarray
    valid: np.ndarray


@dataclass(frozen=True, eq=False)
class HeadsScorer:
    """Scores the answers of all heads, and their combination as the user weighs them.

    Attributes:
        answers: Fitted heads by output.
        targets: Encoded targets of the rows to score, by output.
        units: The scale of the targets of those heads that have one, by output.
        loss_weights: Weight of each head in the combined `loss`, by output.
        weights: Weight of each row, or `None`.
    """

    answers: Mapping[str, Answer]
    targets: Mapping[str, np.ndarray]
    units: Mapping[str, Units | None]
    loss_weights: Mapping[str, float]
    weights: np.ndarray | None = None

    def __call__(self, predictions: Any) -> dict[str, float]:
        """Scores of answers in the users' units: `loss`, then `output_score` for every head.

        With one head the scores have no prefix.

        Args:
            predictions: Array, or arrays by output.
        """
        by_output = predictions if isinstance(predictions, Mapping) else {"": predictions}
        several = len(self.answers) > 1
        result = {"loss": 0.0}
        for name, answer in self.answers.items():
            given = np.asarray(by_output[name] if several else next(iter(by_output.values())))
            prefix = f"{name}_" if several else ""
            if np.isfinite(given).all():
                scores = answer.scores(self.targets[name], self.weights, given)
                loss = answer.loss(scores, self.units[name])
            else:
                scores, loss = dict.fromkeys(answer.names, float("nan")), float("nan")
            result.update({f"{prefix}{key}": value for key, value in scores.items()})
            result["loss"] += self.loss_weights[name] * loss
        return result

    def validation(self, predictions: Any) -> dict[str, float]:
        """Scores of a network's own answers, under the names that objectives use."""
        if isinstance(predictions, Mapping):
            restored: Any = {
                name: _restored(values, self.units[name]) for name, values in predictions.items()
            }
        else:
            restored = _restored(predictions, next(iter(self.units.values())))
        return {f"val_{name}": value for name, value in self(restored).items()}


@dataclass(eq=False)
class ComposedTask:
    """What the search needs of several inputs and outputs; as `kerasnas.estimators.task.Task`.

    Attributes:
        reader: Reads new data.
        rows: Targets, weights and split.
        hypermodel: The composed space, with the fitted inputs and heads.
        loss_weights: Weight of each head in the combined `loss`.
        identity: What tells this search from another one in the same directory.
        raw: As in `Task`.
        broken: As in `Task`.
    """

    reader: InputsReader
    rows: HeadRows
    hypermodel: ComposedHyperModel
    loss_weights: Mapping[str, float]
    identity: dict[str, Any]
    raw: Any = None
    broken: Sequence[str] = ()

    def __post_init__(self) -> None:
        rows, answers = self.rows, self.hypermodel.answers
        self.units = {
            name: answer.units(rows.encoded[name][rows.train]) for name, answer in answers.items()
        }
        self._view = self._make_view()

    def scorer(self) -> HeadsScorer:
        """Scores answers for the validation rows."""
        rows = self.rows
        weights = None if rows.weights is None else rows.weights[rows.valid]
        return HeadsScorer(
            self.hypermodel.answers,
            {name: values[rows.valid] for name, values in rows.encoded.items()},
            self.units,
            self.loss_weights,
            weights if weights is not None and weights.sum() > 0 else None,
        )

    def job(self, objectives: Sequence[Any], clock: Clock, seed: int) -> Job:
        """What every trial trains on and is judged by."""
        clock.keep(Purpose.ANSWER)
        return Job(
            view=lambda hp: self._view,
            objectives=tuple(objectives),
            seed=seed,
            clock=clock,
        )

    def baselines(self, scorer: HeadsScorer, clock: Clock, seed: int) -> list[dict[str, Any]]:
        """The best answer that is the same for every row."""
        rows = self.rows
        constant = {
            name: np.tile(answer.constant(rows.encoded[name][rows.train]), (len(rows.valid), 1))
            for name, answer in self.hypermodel.answers.items()
        }
        scores = scorer(constant)
        return [baseline_row("constant", {f"val_{k}": v for k, v in scores.items()}, 0.0, "")]

    def _make_view(self) -> View:
        rows, model = self.rows, self.hypermodel
        weights = None
        if rows.weights is not None:
            kept = rows.weights[rows.train]
            weights = (kept / kept.mean()).astype("float32") if kept.mean() > 0 else kept
        learnt: Any = {
            name: answer.learnt(rows.encoded[name], self.units[name])[rows.train]
            for name, answer in model.answers.items()
        }
        features = {name: fitted.data for name, fitted in model.inputs.items()}

        def take(index: np.ndarray) -> Any:
            return keras.tree.map_structure(lambda a: a[index], features)

        return View(
            x=take(rows.train),
            y=learnt if len(learnt) > 1 else next(iter(learnt.values())),
            weights=weights,
            validation=(take(rows.valid),),
            scorer=self.scorer(),  # type: ignore[arg-type]  # a scorer of several arrays
            assemble=lambda network: assemble(model.inputs, network, self.units),
            example=take(np.arange(1)),
        )


def assemble(
    inputs: Mapping[str, Fitted], network: keras.Model, units: Mapping[str, Units | None]
) -> keras.Model:
    """The exported graph: one flat dict of raw inputs in, answers in the users' units out.

    Args:
        inputs: Fitted inputs by name.
        network: From features by input to answers by output.
        units: The scale of the targets of those outputs that have one.
    """
    raw = assembly.raw_inputs(flat({name: fitted.raw for name, fitted in inputs.items()}))
    features = {}
    for name, fitted in inputs.items():
        own = list(flat({name: fitted.raw}))
        features[name] = _front(name, fitted, [raw[key] for key in own])
    answers = keras.Model(network.input, network.output, name="kerasnas_network")(features)
    if isinstance(answers, Mapping):
        answers = {
            name: _in_units(answer, units[name], f"{name}_units")
            for name, answer in answers.items()
        }
    else:
        answers = _in_units(answers, next(iter(units.values())), "units")
    return assembly.keyed_model(raw, answers)


def _front(name: str, fitted: Fitted, tensors: Sequence[Any]) -> Any:
    if fitted.front is None:
        return tensors[0]
    front = assembly.named(fitted.front, f"{name}_preprocessing")
    return front(list(tensors) if isinstance(fitted.raw, Mapping) else tensors[0])


def _in_units(answer: Any, units: Units | None, name: str) -> Any:
    if units is None:
        return answer
    answer = keras.layers.Rescaling(units.scale, units.mean, name=name)(answer)
    return keras.ops.clip(answer, units.low, units.high)


def _restored(values: Any, units: Units | None) -> np.ndarray:
    return np.asarray(values) if units is None else units.restore(np.asarray(values))
