"""Several inputs and outputs as the task of every trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from kerasnas import assembly
from kerasnas.auto_model.inputs import FittedInput
from kerasnas.auto_model.readers import InputsReader, flat
from kerasnas.auto_model.space import ComposedHyperModel
from kerasnas.baselines import Baselines, fit_baselines, joined
from kerasnas.clock import Clock
from kerasnas.estimators.task import Task
from kerasnas.problem import AnswerScorer, Features, Problem, Units
from kerasnas.problem.heads import FittedHead
from kerasnas.problem.rows import Rows
from kerasnas.searching import fingerprint


def composed_task(
    inputs: Mapping[str, FittedInput],
    rows: Rows,
    hypermodel: ComposedHyperModel,
    loss_weights: Mapping[str, float],
) -> Task:
    """The task of trials over fitted inputs.

    Args:
        inputs: Fitted inputs by name.
        rows: Heads, targets, weights and split.
        hypermodel: The composed space.
        loss_weights: Weight of each head in the combined `loss`, by output.
    """
    data = {name: fitted.data for name, fitted in inputs.items()}
    features = Features(data, lambda network, _: assemble(inputs, network, rows.heads))

    def baselines(scorer: AnswerScorer, clock: Clock, seed: int) -> Baselines:
        """A constant, linear models and boosting over the features of all inputs together."""
        seen = [fitted.evidence for fitted in inputs.values() if fitted.evidence is not None]
        evidence = joined(seen) if seen else None
        return fit_baselines(evidence, rows, scorer, clock, seed)

    return Task(
        problem=Problem(
            reader=InputsReader({name: fitted.reader for name, fitted in inputs.items()}),
            rows=rows,
            features=lambda hp: features,
            loss_weights=loss_weights,
            identity=lambda: {
                "inputs": list(inputs),
                "outputs": list(rows.heads),
                "folds": len(rows.folds),
                "data": fingerprint(data, dict(rows.encoded), rows.weights),
            },
        ),
        hypermodel=hypermodel,
        baselines=baselines,
    )


def assemble(
    inputs: Mapping[str, FittedInput], network: keras.Model, heads: Mapping[str, FittedHead]
) -> keras.Model:
    """The exported graph: one flat dict of raw inputs in, answers in the users' units out.

    Args:
        inputs: Fitted inputs by name.
        network: From features by input to answers by output.
        heads: Fitted heads by output.
    """
    raw = assembly.raw_inputs(flat({name: fitted.raw for name, fitted in inputs.items()}))
    features = {}
    for name, fitted in inputs.items():
        own = list(flat({name: fitted.raw}))
        features[name] = _front(name, fitted, [raw[key] for key in own])
    return assembly.keyed_model(raw, _answering(network, heads)(features))


def _answering(network: keras.Model, heads: Mapping[str, FittedHead]) -> keras.Model:
    """The network without the optimiser and the losses it was compiled with, and with units."""
    inputs = keras.tree.map_structure(
        lambda t: keras.Input(t.shape[1:], dtype=t.dtype, name=t.name), network.input
    )
    answers = keras.Model(network.input, network.output)(inputs)
    if isinstance(answers, Mapping):
        answers = {
            name: _in_units(answer, heads[name].units, f"{name}_units")
            for name, answer in answers.items()
        }
    else:
        answers = _in_units(answers, next(iter(heads.values())).units, "units")
    return keras.Model(inputs, answers, name="kerasnas_network")


def _front(name: str, fitted: FittedInput, tensors: Sequence[Any]) -> Any:
    if fitted.front is None:
        return tensors[0]
    front = assembly.named(fitted.front, f"{name}_preprocessing")
    return front(list(tensors) if isinstance(fitted.raw, Mapping) else tensors[0])


def _in_units(answer: Any, units: Units | None, name: str) -> Any:
    if units is None:
        return answer
    return assembly.in_units(answer, units, name)
