"""Several inputs and outputs as the task of every trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from kerasnas.auto_model.placed import PlacedInput
from kerasnas.auto_model.readers import MOST_ROWS, InputsReader
from kerasnas.auto_model.space import ComposedHyperModel
from kerasnas.baselines import Baselines, evidence_of, fit_baselines, joined_evidence
from kerasnas.clock import Clock
from kerasnas.data.fingerprint import fingerprint
from kerasnas.estimators.feature_cache import last_few, with_latency
from kerasnas.estimators.task import Task
from kerasnas.problem import AnswerScorer, Form, Problem
from kerasnas.problem.rows import Rows

Seen = tuple[tuple[str, tuple[str, ...]], ...]
"""By input the forms that the blocks of a network take."""

_KEPT = 4  # combinations of forms whose arrays are the same


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
    behind = [one.behind for one in inputs.values() if one.behind is not None]
    most = min((one.rows_at_once for one in behind), default=MOST_ROWS)
    reader = InputsReader({name: one.reader for name, one in inputs.items()}, most)
    kept: dict[Seen, Form] = {}
    by_class = len(rows.class_weights) > 0

    def made(key: Seen) -> Form:
        seen = {name: inputs[name].seen(forms) for name, forms in key}
        fronts = {name: inputs[name].front(forms) for name, forms in key}
        return with_latency(Form({name: form.data for name, form in seen.items()}, fronts), reader)

    def baselines(scorer: AnswerScorer, clock: Clock, seed: int) -> Baselines:
        """A constant, linear models and boosting over the features of all inputs together."""
        found = {n: evidence_of(one.fitted, one.form, rows.train) for n, one in inputs.items()}
        seen = {name: evidence for name, evidence in found.items() if evidence is not None}
        evidence = joined_evidence(seen) if seen else None
        done = fit_baselines(evidence, rows, scorer, clock, seed)
        return replace(done, reader=reader.whole())

    return Task(
        problem=Problem(
            reader=reader,
            rows=rows,
            raw={name: one.fitted.raw for name, one in inputs.items()},
            form=lambda hp: last_few(kept, hypermodel.form(hp), made, _KEPT),
            front=lambda hp: {name: inputs[name].front(f) for name, f in hypermodel.form(hp)},
            loss_weights=loss_weights,
            contents=lambda: {
                "inputs": list(inputs),
                "outputs": list(rows.heads),
                "folds": len(rows.folds),
                "data": fingerprint(
                    {name: one.form.data for name, one in inputs.items()},
                    dict(rows.encoded),
                    rows.weights,
                    *(rows.class_weights.get(n, np.ones(1)) for n in rows.heads if by_class),
                ),
                **({"backbones": [one.name for one in behind]} if behind else {}),
            },
        ),
        hypermodel=hypermodel,
        baselines=baselines,
        notes=[*dict.fromkeys(one.note for one in inputs.values() if one.note)],
    )
