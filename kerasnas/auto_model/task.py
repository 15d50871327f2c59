"""Several inputs and outputs as the task of every trial."""

from __future__ import annotations

from collections.abc import Mapping

from kerasnas.auto_model.inputs import PlacedInput
from kerasnas.auto_model.readers import InputsReader
from kerasnas.auto_model.space import ComposedHyperModel
from kerasnas.baselines import Baselines, evidence_of, fit_baselines, joined
from kerasnas.clock import Clock
from kerasnas.data.fingerprint import fingerprint
from kerasnas.estimators.feature_cache import told
from kerasnas.estimators.task import Task
from kerasnas.problem import AnswerScorer, Form, Problem
from kerasnas.problem.rows import Rows


def composed_task(
    inputs: Mapping[str, PlacedInput],
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
    data = {name: one.form.data for name, one in inputs.items()}
    fronts = {name: one.front for name, one in inputs.items()}
    reader = InputsReader({name: one.reader for name, one in inputs.items()})
    form = told(Form(data, fronts), reader)

    def baselines(scorer: AnswerScorer, clock: Clock, seed: int) -> Baselines:
        """A constant, linear models and boosting over the features of all inputs together."""
        found = [evidence_of(one.fitted, one.form, rows.train) for one in inputs.values()]
        seen = [evidence for evidence in found if evidence is not None]
        return fit_baselines(joined(seen) if seen else None, rows, scorer, clock, seed)

    return Task(
        problem=Problem(
            reader=reader,
            rows=rows,
            raw={name: one.fitted.raw for name, one in inputs.items()},
            form=lambda hp: form,
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
